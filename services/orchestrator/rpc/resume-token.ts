import { accept, type Result, reject } from "../domain/rejection.ts";

/**
 * Where a watcher stands in a job's change log: behind entry `afterSeq`, and behind `taskOffset` tasks of the next entry (one entry can be too
 * large for one message).
 */
export interface WatchPosition {
  readonly afterSeq: number;
  readonly taskOffset: number;
}

const PATTERN = /^1:(.+):(\d{1,15}):(\d{1,15})$/;

/** Makes the opaque token for a position in a job's change log. */
export function encodeResumeToken(jobId: string, position: WatchPosition): string {
  return Buffer.from(`1:${jobId}:${position.afterSeq}:${position.taskOffset}`).toString("base64url");
}

/** Reads a token that was made for this job; an empty one is the beginning. */
export function decodeResumeToken(jobId: string, token: string): Result<WatchPosition> {
  if (token === "") return accept({ afterSeq: 0, taskOffset: 0 });
  const match = PATTERN.exec(Buffer.from(token, "base64url").toString());
  if (match === null || match[1] !== jobId || encodeResumeToken(jobId, toPosition(match)) !== token) {
    return reject("INVALID_ARGUMENT", "resume_token is not a token of this job");
  }
  return accept(toPosition(match));
}

function toPosition(match: RegExpExecArray): WatchPosition {
  return { afterSeq: Number(match[2]), taskOffset: Number(match[3]) };
}
