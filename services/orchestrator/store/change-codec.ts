import type { JobRecord } from "../domain/records.ts";
import {
  countsOf,
  countsTuple,
  decodeState,
  decodeStatus,
  type FailureTuple,
  failureOf,
  failureTuple,
  type ProgressTuple,
  progressOf,
  progressTuple,
  STATE_CODES,
  STATUS_CODES,
} from "./codes.ts";
import type { TaskChangeEntry } from "./store.ts";

/**
 * An entry of the change log as JSON arrays: what changes of a job (the rest is in the job's row and stays as it is), then the tasks' steps.
 * One step follows each transition of each task, so they are short: two numbers and the id, and rarely more.
 */
type EntryTuple = readonly [job: JobTuple, steps: readonly StepTuple[]];

type JobTuple = readonly [
  status: number,
  startedAt: number | null,
  endedAt: number | null,
  openGroups: number,
  counts: readonly number[],
  progress: readonly ProgressTuple[],
  error: FailureTuple | null,
  failedTaskId: string | null,
];

type StepTuple = readonly [
  taskId: string,
  state: number,
  attempt: number,
  created?: readonly [parentId: string | null, queueId: number, group: number] | null,
  display?: string | null,
  error?: FailureTuple,
];

export function encodeEntry(job: JobRecord, tasks: readonly TaskChangeEntry[]): string {
  const tuple: EntryTuple = [jobTuple(job), tasks.map(stepTuple)];
  return JSON.stringify(tuple);
}

/** `job` supplies what never changes. */
export function decodeEntry(text: string, job: JobRecord): { job: JobRecord; tasks: TaskChangeEntry[] } {
  const [jobPart, steps] = JSON.parse(text) as EntryTuple;
  const [status, startedAt, endedAt, openGroups, counts, progress, error, failedTaskId] = jobPart;
  return {
    job: {
      ...job,
      status: decodeStatus(status),
      startedAt,
      endedAt,
      openGroups,
      counts: countsOf(counts),
      progress: progress.map(progressOf),
      error: error === null ? null : failureOf(error),
      failedTaskId,
    },
    tasks: steps.map(stepOf),
  };
}

function jobTuple(job: JobRecord): JobTuple {
  return [
    STATUS_CODES[job.status],
    job.startedAt,
    job.endedAt,
    job.openGroups,
    countsTuple(job.counts),
    job.progress.map(progressTuple),
    job.error === null ? null : failureTuple(job.error),
    job.failedTaskId,
  ];
}

function stepTuple(step: TaskChangeEntry): StepTuple {
  const { taskId, state, attempt, created, display, error } = step;
  const code = STATE_CODES[state];
  if (created === undefined && display === undefined && error === undefined) return [taskId, code, attempt];
  const birth = created === undefined ? null : ([created.parentId, created.queueId, created.group] as const);
  if (error === undefined) return [taskId, code, attempt, birth, display ?? null];
  return [taskId, code, attempt, birth, display ?? null, failureTuple(error)];
}

function stepOf(tuple: StepTuple): TaskChangeEntry {
  const [taskId, code, attempt, created, display, error] = tuple;
  const step: { -readonly [K in keyof TaskChangeEntry]: TaskChangeEntry[K] } = {
    taskId,
    state: decodeState(code),
    attempt,
  };
  if (created) step.created = { parentId: created[0], queueId: created[1], group: created[2] };
  if (display !== undefined && display !== null) step.display = display;
  if (error !== undefined) step.error = failureOf(error);
  return step;
}
