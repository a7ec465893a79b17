import type { Limits } from "../domain/limits.ts";
import type { TaskFailure } from "../domain/records.ts";
import { accept, type Result } from "../domain/rejection.ts";
import type { TaskSet } from "../domain/submission.ts";
import {
  checkEdges,
  checkProgress,
  checkText,
  type ParsedTaskSet,
  parseTaskSet,
  shapesOf,
} from "../domain/validate.ts";
import type { Outcome, ProgressReport, SubtaskPart } from "./api.ts";

/**
 * What needs no store is checked before a command joins a batch, so that a bad frame costs the batch nothing. A refusal is kept with the
 * command: a stale lease is answered as stale, whatever else is wrong.
 */

export interface PreparedOutcome {
  readonly outcome: Outcome;
  /** The subtasks that came with it, null for none. */
  readonly subtasks: Result<ParsedTaskSet | null>;
  /** Parts may have been staged for the attempt, whether the outcome counts any or not. */
  readonly mayHaveParts: boolean;
}

export interface PreparedPart {
  readonly part: SubtaskPart;
  readonly subtasks: Result<ParsedTaskSet>;
}

export interface PreparedReport {
  readonly report: ProgressReport;
  readonly valid: Result<null>;
}

export function prepareOutcome(outcome: Outcome, limits: Limits, mayHaveParts: boolean): PreparedOutcome {
  const prepared = { outcome: shorten(outcome, limits), mayHaveParts };
  const refusal =
    checkProgress(outcome.progress, limits) ?? checkText("display", outcome.display, limits.maxDisplayLength, false);
  if (refusal !== null) return { ...prepared, subtasks: { ok: false, rejection: refusal } };
  return { ...prepared, subtasks: prepareSubtasks(outcome, limits) };
}

export function preparePart(part: SubtaskPart, limits: Limits): PreparedPart {
  if (!Number.isSafeInteger(part.number) || part.number < 0) {
    const message = "part.number must be a whole number that is not negative";
    return { part, subtasks: { ok: false, rejection: { reason: "INVALID_ARGUMENT", message } } };
  }
  return { part, subtasks: parseNonEmpty(part.subtasks, limits) };
}

export function prepareReport(report: ProgressReport, limits: Limits): PreparedReport {
  const refusal =
    checkProgress(report.progress, limits) ?? checkText("display", report.display, limits.maxDisplayLength, false);
  return { report, valid: refusal === null ? accept(null) : { ok: false, rejection: refusal } };
}

function prepareSubtasks(outcome: Outcome, limits: Limits): Result<ParsedTaskSet | null> {
  const { result } = outcome;
  if (result.kind !== "computed" || result.subtasks === null || result.subtasks.groups.length === 0)
    return accept(null);
  const parsed = parseTaskSet(result.subtasks, limits, "subtasks");
  // With parts before it the edges can only be checked when all of them are known.
  if (!parsed.ok || result.parts > 0) return parsed;
  if (result.subtasks.firstGroup !== 0) {
    const message = "subtasks.first_group must be 0 when no parts were sent";
    return { ok: false, rejection: { reason: "INVALID_ARGUMENT", message } };
  }
  const refusal = checkEdges(shapesOf(result.subtasks), "subtasks");
  return refusal === null ? parsed : { ok: false, rejection: refusal };
}

function parseNonEmpty(set: TaskSet, limits: Limits): Result<ParsedTaskSet> {
  if (set.groups.length > 0) return parseTaskSet(set, limits, "subtasks");
  const message = "subtasks.groups must hold at least one group";
  return { ok: false, rejection: { reason: "INVALID_ARGUMENT", message } };
}

/** An error text is cut, not refused: an attempt must always be able to fail. */
function shorten(outcome: Outcome, limits: Limits): Outcome {
  if (outcome.result.kind !== "failed") return outcome;
  const { error } = outcome.result;
  const cut: TaskFailure = {
    reason: error.reason.slice(0, limits.maxNameLength),
    message: error.message.slice(0, limits.maxErrorLength),
    details: error.details.slice(0, limits.maxErrorLength),
  };
  return { ...outcome, result: { ...outcome.result, error: cut } };
}
