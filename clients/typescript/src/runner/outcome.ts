import { type Failed, Outcome, ProgressReport, SubtaskPart } from "../gen/taskgrove/v1/lease.ts";
import type { Progress, TaskSubmissions } from "../gen/taskgrove/v1/task.ts";
import { countTasks } from "../submission/split.ts";

/** One attempt, as messages name it. */
export interface LeaseName {
  readonly taskId: string;
  /** Secret: never log it. */
  readonly leaseToken: string;
}

/** An encoded message and how many subtasks it carries. */
export interface Encoded {
  readonly bytes: Uint8Array;
  readonly subtasks: number;
}

/** What an attempt reports besides its result. */
export interface Remarks {
  readonly progress: Progress[];
  /** Empty: as it was. */
  readonly display: string;
}

const noRemarks: Remarks = { progress: [], display: "" };

/** The outcome of an attempt that succeeded; `parts` is how many parts went ahead. */
export function encodeComputed(
  lease: LeaseName,
  subtasks: TaskSubmissions | undefined,
  parts: number,
  remarks: Remarks,
): Encoded {
  const bytes = encodeOutcome(lease, { $case: "computed", value: { subtasks, parts } }, remarks);
  return { bytes, subtasks: subtasks ? countTasks(subtasks) : 0 };
}

/** The outcome of an attempt that failed. */
export function encodeFailed(lease: LeaseName, failed: Failed, remarks: Remarks = noRemarks): Encoded {
  return { bytes: encodeOutcome(lease, { $case: "failed", value: failed }, remarks), subtasks: 0 };
}

/** The outcome that gives a task back. */
export function encodeReleased(lease: LeaseName): Encoded {
  return { bytes: encodeOutcome(lease, { $case: "released", value: {} }, noRemarks), subtasks: 0 };
}

/** Subtasks that go ahead of the outcome. */
export function encodePart(lease: LeaseName, number: number, subtasks: TaskSubmissions): Encoded {
  return { bytes: SubtaskPart.encode({ ...nameOf(lease), number, subtasks }).finish(), subtasks: countTasks(subtasks) };
}

/** What a running attempt reports. */
export function encodeProgress(lease: LeaseName, remarks: Remarks): Encoded {
  return { bytes: ProgressReport.encode({ ...nameOf(lease), ...remarks }).finish(), subtasks: 0 };
}

function encodeOutcome(lease: LeaseName, result: NonNullable<Outcome["result"]>, remarks: Remarks): Uint8Array {
  return Outcome.encode({ ...nameOf(lease), result, ...remarks }).finish();
}

function nameOf({ taskId, leaseToken }: LeaseName): LeaseName {
  return { taskId, leaseToken };
}
