import { accept, type Result, reject } from "../domain/rejection.ts";

const PATTERN = /^2:([^:]+):(.+)$/s;

/** Makes the opaque token for a position in a job's change log. */
export function encodeResumeToken(jobId: string, position: string): string {
  return Buffer.from(`2:${jobId}:${position}`).toString("base64url");
}

/** Reads the position in a token that was made for this job; an empty one is the beginning: null. */
export function decodeResumeToken(jobId: string, token: string): Result<string | null> {
  if (token === "") return accept(null);
  const [, madeFor, position] = PATTERN.exec(Buffer.from(token, "base64url").toString()) ?? [];
  if (position === undefined || madeFor !== jobId || encodeResumeToken(jobId, position) !== token) {
    return reject("INVALID_ARGUMENT", "resume_token is not a token of this job");
  }
  return accept(position);
}
