import { Binary } from "mongodb";
import { groupId, groupIndex, type TaskRecord } from "../../domain/records.ts";
import {
  COMMON_RETRY,
  decodeState,
  failureOf,
  failureTuple,
  progressOf,
  progressTuple,
  type RetryTuple,
  retryOf,
  retryTuple,
  STATE_CODES,
} from "../codes.ts";
import type { TaskRow } from "./rows.ts";

/** By how many parts the claimable tasks can be divided: enough to be shared out evenly among up to four, six or twelve processes. */
export const PARTS = 12;

/** The columns of a task that its record does not need: what is in the row for indexes alone, and the input. */
export const WITHOUT_INPUT = { projection: { input: 0 } };

/** What changes with the steps of a task. Absent: as if it were null, false or 0. */
export type MutableTaskRow = Pick<
  TaskRow,
  | "display"
  | "state"
  | "held"
  | "availableAt"
  | "attempt"
  | "failures"
  | "crashes"
  | "token"
  | "settled"
  | "session"
  | "deadlineAt"
  | "openGroups"
  | "branchFailed"
  | "started"
  | "stopped"
  | "error"
  | "progress"
  | "ready"
  | "running"
  | "blocked"
  | "parked"
  | "due"
  | "deadline"
  | "keeper"
>;

export function encodeTask(task: TaskRecord, input: Uint8Array, slot: number): TaskRow {
  const retry = retryTuple(task.retry);
  return {
    _id: task.id,
    job: task.jobId,
    parent: task.parentId ?? "",
    group: groupIndex(task.groupId),
    queue: task.queueId,
    priority: task.priority,
    depth: task.depth,
    ...(task.optional ? { optional: true } : {}),
    ...(task.scopeId === null ? {} : { scope: task.scopeId }),
    ...(isCommon(retry) ? {} : { retry }),
    ...(task.attemptTimeoutMs === null ? {} : { timeout: task.attemptTimeoutMs }),
    created: task.createdAt,
    ...encodeMutable(task, slot),
    ...(input.length === 0 ? {} : { input: new Binary(input) }),
    part: partOf(task.id),
    rev: 0,
  };
}

/** `slot`: who writes it, and so looks after what becomes due. */
export function encodeMutable(task: TaskRecord, slot: number): MutableTaskRow {
  const isQueued = task.state === "QUEUED";
  const isRunning = task.state === "RUNNING";
  const isBlocked = task.state === "BLOCKED";
  const isReady = isQueued && !task.held && task.availableAt === 0;
  const isDueLater = isQueued && task.availableAt > 0;
  const timesOut = isRunning && task.deadlineAt !== null;
  return {
    display: task.display,
    state: STATE_CODES[task.state],
    ...(task.held ? { held: true } : {}),
    ...(task.availableAt === 0 ? {} : { availableAt: task.availableAt }),
    attempt: task.attempt,
    failures: task.failures,
    crashes: task.crashes,
    ...(task.leaseToken === null ? {} : { token: task.leaseToken }),
    ...(task.settledToken === null ? {} : { settled: task.settledToken }),
    ...(task.sessionId === null ? {} : { session: task.sessionId }),
    ...(task.deadlineAt === null ? {} : { deadlineAt: task.deadlineAt }),
    openGroups: task.openGroups,
    ...(task.branchFailed ? { branchFailed: true } : {}),
    ...(task.startedAt === null ? {} : { started: task.startedAt }),
    ...(task.stoppedAt === null ? {} : { stopped: task.stoppedAt }),
    ...(task.error === null ? {} : { error: failureTuple(task.error) }),
    ...(task.progress.length === 0 ? {} : { progress: task.progress.map(progressTuple) }),
    ...(isReady ? { ready: task.queueId } : {}),
    ...(isRunning && task.sessionId !== null ? { running: task.sessionId } : {}),
    ...(isBlocked ? { blocked: task.groupId } : {}),
    ...(isBlocked || (isQueued && !isReady) ? { parked: task.queueId } : {}),
    ...(isDueLater ? { due: task.availableAt } : {}),
    ...(timesOut && task.deadlineAt !== null ? { deadline: task.deadlineAt } : {}),
    ...(isDueLater || timesOut ? { keeper: slot } : {}),
  };
}

const MUTABLE_FIELDS: readonly (keyof MutableTaskRow)[] = [
  "display",
  "state",
  "held",
  "availableAt",
  "attempt",
  "failures",
  "crashes",
  "token",
  "settled",
  "session",
  "deadlineAt",
  "openGroups",
  "branchFailed",
  "started",
  "stopped",
  "error",
  "progress",
  "ready",
  "running",
  "blocked",
  "parked",
  "due",
  "deadline",
  "keeper",
];

export interface TaskUpdate {
  $set?: Record<string, unknown>;
  $unset?: Record<string, "">;
  $inc: { rev: 1 };
}

/** What to write so that a row becomes as `after`. `before` undefined: whatever it was. */
export function updateOf(before: MutableTaskRow | undefined, after: MutableTaskRow): TaskUpdate {
  const set: Record<string, unknown> = {};
  const unset: Record<string, ""> = {};
  for (const field of MUTABLE_FIELDS) {
    const value = after[field];
    if (before !== undefined && isSame(before[field], value)) continue;
    if (value === undefined) unset[field] = "";
    else set[field] = value;
  }
  const update: TaskUpdate = { $inc: { rev: 1 } };
  if (Object.keys(set).length > 0) update.$set = set;
  if (Object.keys(unset).length > 0) update.$unset = unset;
  return update;
}

/** Errors and progress are compared by identity: they come from the same record when they did not change. */
function isSame(a: unknown, b: unknown): boolean {
  return a === b && typeof a !== "object";
}

export function decodeTask(row: TaskRow): TaskRecord {
  const parentId = row.parent === "" ? null : row.parent;
  return {
    id: row._id,
    jobId: row.job,
    groupId: groupId(parentId ?? row.job, row.group),
    parentId,
    queueId: row.queue,
    priority: row.priority,
    depth: row.depth,
    optional: row.optional ?? false,
    scopeId: row.scope ?? null,
    retry: row.retry === undefined ? COMMON_RETRY : retryOf(row.retry as RetryTuple),
    attemptTimeoutMs: row.timeout ?? null,
    createdAt: row.created,
    display: row.display,
    state: decodeState(row.state),
    held: row.held ?? false,
    availableAt: row.availableAt ?? 0,
    attempt: row.attempt,
    failures: row.failures,
    crashes: row.crashes,
    leaseToken: row.token ?? null,
    settledToken: row.settled ?? null,
    sessionId: row.session ?? null,
    deadlineAt: row.deadlineAt ?? null,
    openGroups: row.openGroups,
    branchFailed: row.branchFailed ?? false,
    startedAt: row.started ?? null,
    stoppedAt: row.stopped ?? null,
    error: row.error === undefined ? null : failureOf(row.error),
    progress: row.progress === undefined ? NO_PROGRESS : row.progress.map(progressOf),
  };
}

export function decodeInput(row: TaskRow): Uint8Array {
  return row.input === undefined ? NO_INPUT : row.input.buffer;
}

const NO_PROGRESS: TaskRecord["progress"] = [];
const NO_INPUT = new Uint8Array();
const COMMON = JSON.stringify(retryTuple(COMMON_RETRY));

function isCommon(retry: RetryTuple): boolean {
  return JSON.stringify(retry) === COMMON;
}

/** Ids of tasks that were made together differ in their last characters, which count up: the sum of them spreads evenly. */
export function partOf(id: string): number {
  let sum = 0;
  for (let index = Math.max(0, id.length - 8); index < id.length; index++) sum = (sum * 7 + id.charCodeAt(index)) % 997;
  return sum % PARTS;
}
