import type { JobStatus, Progress, TaskFailure, TaskState } from "../../domain/records.ts";

/** How enumerations and small values are stored. Codes are in databases and in the schema's index conditions: never renumber them. */

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

/** Bits of `task.flags`. */
export const OPTIONAL = 1;
export const HELD = 2;
export const BRANCH_FAILED = 4;

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

export function encodeFailure(failure: TaskFailure | null): string | null {
  return failure === null ? null : JSON.stringify(failureTuple(failure));
}

export function decodeFailure(text: string | null): TaskFailure | null {
  return text === null ? null : failureOf(JSON.parse(text) as FailureTuple);
}

export function encodeProgress(progress: readonly Progress[]): string | null {
  return progress.length === 0 ? null : JSON.stringify(progress.map(progressTuple));
}

export function decodeProgress(text: string | null): readonly Progress[] {
  return text === null ? NO_PROGRESS : (JSON.parse(text) as ProgressTuple[]).map(progressOf);
}

const NO_PROGRESS: readonly Progress[] = [];
