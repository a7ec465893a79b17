import type { RetryPolicy, TaskRecord } from "../../domain/records.ts";
import { groupId } from "../../domain/records.ts";
import { COMMON_RETRY, decodeState, type RetryTuple, retryOf, retryTuple } from "../codes.ts";
import { BoundedMap } from "./bounded-map.ts";
import { BRANCH_FAILED, decodeFailure, decodeProgress, HELD, OPTIONAL } from "./codes.ts";
import type { KeyMap } from "./key-map.ts";

/** The columns of `TaskRow`, in its order. */
export const TASK_COLUMNS =
  "key, id, job, owner, grp, queue, neg_priority, neg_depth, flags, scope_id, retry, attempt_timeout, created_at, display, state, " +
  "available_at, attempt, failures, crashes, lease_token, settled_token, session_id, deadline_at, open_groups, started_at, " +
  "stopped_at, error, progress";

/** A row of `TASK_COLUMNS`. */
export type TaskRow = readonly [
  key: number,
  id: string,
  job: number,
  owner: number,
  grp: number,
  queue: number,
  negPriority: number,
  negDepth: number,
  flags: number,
  scopeId: string | null,
  retry: string | null,
  attemptTimeout: number | null,
  createdAt: number,
  display: string,
  state: number,
  availableAt: number,
  attempt: number,
  failures: number,
  crashes: number,
  leaseToken: string | null,
  settledToken: string | null,
  sessionId: string | null,
  deadlineAt: number | null,
  openGroups: number,
  startedAt: number | null,
  stoppedAt: number | null,
  error: string | null,
  progress: string | null,
];

/** A row of `TASK_COLUMNS, input`. The input is null when it is in a table of its own. */
export type TaskInputRow = readonly [...TaskRow, input: Uint8Array | null];

export const INPUT_COLUMN = 28;

/** Where the ids are that rows refer to by key. */
export interface TaskKeys {
  readonly jobs: KeyMap;
  readonly tasks: KeyMap;
}

/** Always a fresh object with the same fields in the same order, so that code which handles tasks sees one hidden class. */
export function decodeTask(row: TaskRow | TaskInputRow, keys: TaskKeys): TaskRecord {
  const flags = row[8];
  const jobId = keys.jobs.idOf(row[2]);
  const parentId = row[3] === 0 ? null : keys.tasks.idOf(row[3]);
  return {
    id: row[1],
    jobId,
    groupId: groupId(parentId ?? jobId, row[4]),
    parentId,
    queueId: row[5],
    priority: 0 - row[6],
    depth: 0 - row[7],
    optional: (flags & OPTIONAL) !== 0,
    scopeId: row[9],
    retry: decodeRetry(row[10]),
    attemptTimeoutMs: row[11],
    createdAt: row[12],
    display: row[13],
    state: decodeState(row[14]),
    held: (flags & HELD) !== 0,
    availableAt: row[15],
    attempt: row[16],
    failures: row[17],
    crashes: row[18],
    leaseToken: row[19],
    settledToken: row[20],
    sessionId: row[21],
    deadlineAt: row[22],
    openGroups: row[23],
    branchFailed: (flags & BRANCH_FAILED) !== 0,
    startedAt: row[24],
    stoppedAt: row[25],
    error: decodeFailure(row[26]),
    progress: decodeProgress(row[27]),
  };
}

export function encodeFlags(task: TaskRecord): number {
  return (task.optional ? OPTIONAL : 0) | (task.held ? HELD : 0) | (task.branchFailed ? BRANCH_FAILED : 0);
}

/** The queue of a task that may be claimed, else null: what the ready index holds. */
export function encodeReady(task: TaskRecord): number | null {
  return task.state === "QUEUED" && !task.held && task.availableAt === 0 ? task.queueId : null;
}

/** The policy of tasks that ask for none, stored as NULL. */
const COMMON_RETRY_TEXT = retryText(COMMON_RETRY);
const RETRY_CACHE = 1_000;

/** Tasks of one template share a policy: there are few texts and few objects, so each is translated once. */
const retriesByText = new BoundedMap<string, RetryPolicy>(RETRY_CACHE);
const textsByRetry = new WeakMap<RetryPolicy, string>();

export function encodeRetry(retry: RetryPolicy): string | null {
  let text = textsByRetry.get(retry);
  if (text === undefined) {
    text = retryText(retry);
    textsByRetry.set(retry, text);
  }
  return text === COMMON_RETRY_TEXT ? null : text;
}

function decodeRetry(text: string | null): RetryPolicy {
  if (text === null) return COMMON_RETRY;
  const known = retriesByText.get(text);
  if (known !== undefined) return known;
  const retry = retryOf(JSON.parse(text) as RetryTuple);
  retriesByText.set(text, retry);
  return retry;
}

function retryText(retry: RetryPolicy): string {
  return JSON.stringify(retryTuple(retry));
}
