import type { JobState } from "../domain/job-state.ts";
import type { TaskState } from "../domain/records.ts";
import { accept, type Result, reject } from "../domain/rejection.ts";
import { JobState as ProtoJobState } from "../gen/taskgrove/v1/job.ts";
import { TaskState as ProtoTaskState } from "../gen/taskgrove/v1/task.ts";

/** Job states on the wire. */
export const JOB_STATE_TO_PROTO: Readonly<Record<JobState, ProtoJobState>> = {
  SUBMITTED: ProtoJobState.JOB_STATE_SUBMITTED,
  RUNNING: ProtoJobState.JOB_STATE_RUNNING,
  STARTED: ProtoJobState.JOB_STATE_STARTED,
  COMPLETED: ProtoJobState.JOB_STATE_COMPLETED,
  FAILED: ProtoJobState.JOB_STATE_FAILED,
  CANCELED: ProtoJobState.JOB_STATE_CANCELED,
};

/** Task states on the wire: two of ours are one there. */
export const TASK_STATE_TO_PROTO: Readonly<Record<TaskState, ProtoTaskState>> = {
  BLOCKED: ProtoTaskState.TASK_STATE_QUEUED,
  QUEUED: ProtoTaskState.TASK_STATE_QUEUED,
  RUNNING: ProtoTaskState.TASK_STATE_RUNNING,
  COMPUTED: ProtoTaskState.TASK_STATE_COMPUTED,
  COMPLETED: ProtoTaskState.TASK_STATE_COMPLETED,
  FAILED: ProtoTaskState.TASK_STATE_FAILED,
  FAILED_OPTIONAL: ProtoTaskState.TASK_STATE_FAILED_OPTIONAL,
  SKIPPED: ProtoTaskState.TASK_STATE_SKIPPED,
};

/** Reads a filter of job states. */
export function decodeJobStates(states: readonly ProtoJobState[]): Result<JobState[]> {
  return decodeStates(states, JOB_STATE_TO_PROTO);
}

/** Reads a filter of task states; QUEUED asks for both states that are shown so. */
export function decodeTaskStates(states: readonly ProtoTaskState[]): Result<TaskState[]> {
  return decodeStates(states, TASK_STATE_TO_PROTO);
}

function decodeStates<Ours extends string, Theirs>(
  states: readonly Theirs[],
  table: Readonly<Record<Ours, Theirs>>,
): Result<Ours[]> {
  const ours = Object.keys(table) as Ours[];
  const found = new Set<Ours>();
  for (const [index, state] of states.entries()) {
    const matching = ours.filter((own) => table[own] === state);
    if (matching.length === 0) return reject("INVALID_ARGUMENT", `states[${index}] is not a known state`);
    for (const own of matching) found.add(own);
  }
  return accept([...found]);
}
