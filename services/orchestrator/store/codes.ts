import type { JobStatus, Progress, RetryPolicy, TaskCounts, TaskFailure, TaskState } from "../domain/records.ts";

/**
 * How all drivers store enumerations and small values. Codes are in databases and in the conditions of their indexes: never renumber them.
 */

const STATES: readonly TaskState[] = [
  "BLOCKED",
  "QUEUED",
  "RUNNING",
  "COMPUTED",
  "COMPLETED",
  "FAILED",
  "FAILED_OPTIONAL",
  "SKIPPED",
];

export const STATE_CODES: Readonly<Record<TaskState, number>> = {
  BLOCKED: 0,
  QUEUED: 1,
  RUNNING: 2,
  COMPUTED: 3,
  COMPLETED: 4,
  FAILED: 5,
  FAILED_OPTIONAL: 6,
  SKIPPED: 7,
};

const STATUSES: readonly JobStatus[] = ["OPEN", "COMPLETED", "FAILED", "CANCELED"];

export const STATUS_CODES: Readonly<Record<JobStatus, number>> = { OPEN: 0, COMPLETED: 1, FAILED: 2, CANCELED: 3 };

export function decodeState(code: number): TaskState {
  const state = STATES[code];
  if (state === undefined) throw new Error(`the database has a task in an unknown state: ${code}`);
  return state;
}

export function decodeStatus(code: number): JobStatus {
  const status = STATUSES[code];
  if (status === undefined) throw new Error(`the database has a job with an unknown status: ${code}`);
  return status;
}

export type FailureTuple = readonly [reason: string, message: string, details: string];
export type ProgressTuple = readonly [label: string, total: number, done: number];

export function failureTuple(failure: TaskFailure): FailureTuple {
  return [failure.reason, failure.message, failure.details];
}

export function failureOf(tuple: FailureTuple): TaskFailure {
  return { reason: tuple[0], message: tuple[1], details: tuple[2] };
}

export function progressTuple(progress: Progress): ProgressTuple {
  return [progress.label, progress.total, progress.done];
}

export function progressOf(tuple: ProgressTuple): Progress {
  return { label: tuple[0], total: tuple[1], done: tuple[2] };
}

/** By state code. */
export function countsTuple(counts: TaskCounts): number[] {
  return [
    counts.BLOCKED,
    counts.QUEUED,
    counts.RUNNING,
    counts.COMPUTED,
    counts.COMPLETED,
    counts.FAILED,
    counts.FAILED_OPTIONAL,
    counts.SKIPPED,
  ];
}

export function countsOf(counts: readonly number[]): TaskCounts {
  return {
    BLOCKED: counts[0] ?? 0,
    QUEUED: counts[1] ?? 0,
    RUNNING: counts[2] ?? 0,
    COMPUTED: counts[3] ?? 0,
    COMPLETED: counts[4] ?? 0,
    FAILED: counts[5] ?? 0,
    FAILED_OPTIONAL: counts[6] ?? 0,
    SKIPPED: counts[7] ?? 0,
  };
}

/** For searching in names without regard to case. */
export function foldCase(text: string): string {
  return text.toLowerCase();
}

export type RetryTuple = readonly [
  maxRetries: number,
  initialBackoffMs: number,
  multiplier: number,
  maxBackoffMs: number,
  jitter: number,
];

/** The policy of tasks that ask for none: drivers store it as nothing. */
export const COMMON_RETRY: RetryPolicy = {
  maxRetries: 0,
  initialBackoffMs: 0,
  multiplier: 2,
  maxBackoffMs: 3_600_000,
  jitter: 0,
};

export function retryTuple(retry: RetryPolicy): RetryTuple {
  return [retry.maxRetries, retry.initialBackoffMs, retry.multiplier, retry.maxBackoffMs, retry.jitter];
}

export function retryOf(tuple: RetryTuple): RetryPolicy {
  const [maxRetries, initialBackoffMs, multiplier, maxBackoffMs, jitter] = tuple;
  return { maxRetries, initialBackoffMs, multiplier, maxBackoffMs, jitter };
}
