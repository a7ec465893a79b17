import { AttemptAbortedError } from "../context.ts";
import { NonRetryableError } from "../errors.ts";
import type { Failed } from "../gen/taskgrove/v1/lease.ts";
import { SubmissionTooLargeError } from "../submission/split.ts";
import type { Refusal } from "./messages.ts";

const maxDetailsBytes = 8 * 1024;
const maxMessageBytes = 2 * 1024;

/** The orchestrator refused subtasks or an outcome; trying again would give the same answer. */
export class RefusedError extends NonRetryableError {
  override readonly name: string;

  constructor({ reason, message }: Refusal) {
    super(message);
    this.name = reason;
  }
}

/** The attempt ran longer than its attempt timeout. */
export class AttemptTimeoutError extends Error {
  override readonly name = "ATTEMPT_TIMEOUT";

  constructor(timeoutMs: number | undefined) {
    super(`the attempt ran longer than its attempt timeout of ${timeoutMs} ms`);
  }
}

/** What is reported of something that a handler threw. */
export function describeFailure(error: unknown): Failed {
  const nonRetryable = error instanceof NonRetryableError || error instanceof SubmissionTooLargeError;
  return { error: { reason: reasonOf(error), message: messageOf(error), details: detailsOf(error) }, nonRetryable };
}

/** Whether a handler threw because its signal was aborted. */
export function isAbortError(error: unknown): boolean {
  if (error instanceof AttemptAbortedError) return true;
  return error instanceof Error && (error.name === "AbortError" || error.cause instanceof AttemptAbortedError);
}

/** The class, or the name where it says more. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "NonError";
  return error.name !== "Error" ? error.name : error.constructor.name;
}

function messageOf(error: unknown): string {
  return cut(error instanceof Error ? error.message : String(error), maxMessageBytes);
}

function detailsOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const own = error.stack ?? "";
  const cause = error.cause === undefined ? "" : `\ncaused by: ${detailsOf(error.cause) || String(error.cause)}`;
  return cut(own + cause, maxDetailsBytes);
}

function cut(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  // A character that was cut in two decodes to U+FFFD, which is not part of the text.
  return bytes
    .subarray(0, maxBytes)
    .toString()
    .replace(/\uFFFD$/, "");
}
