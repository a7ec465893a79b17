import type { Progress, TaskFailure } from "../../domain/records.ts";
import { type FailureTuple, failureOf, failureTuple, type ProgressTuple, progressOf, progressTuple } from "../codes.ts";

/** Bits of `task.flags`. */
export const OPTIONAL = 1;
export const HELD = 2;
export const BRANCH_FAILED = 4;

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
