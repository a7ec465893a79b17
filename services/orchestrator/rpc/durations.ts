import { accept, type Result, reject } from "../domain/rejection.ts";
import type { Duration } from "../gen/google/protobuf/duration.ts";

/** Ten thousand years, the most that a Duration or a Timestamp may say. */
const MAX_SECONDS = 315_576_000_000;

/** Reads a duration in milliseconds, rounded up; refuses one that is negative or not a duration. */
export function decodeDuration(duration: Duration, field: string): Result<number> {
  const { seconds, nanos } = duration;
  if (seconds < 0 || nanos < 0) return reject("INVALID_ARGUMENT", `${field} must not be negative`);
  if (seconds > MAX_SECONDS || nanos > 999_999_999) {
    return reject("INVALID_ARGUMENT", `${field} is not a duration of at most ${MAX_SECONDS} seconds`);
  }
  return accept(seconds * 1_000 + Math.ceil(nanos / 1_000_000));
}

/** Makes a duration of milliseconds. */
export function encodeDuration(ms: number): Duration {
  const seconds = Math.trunc(ms / 1_000);
  return { seconds, nanos: Math.round((ms - seconds * 1_000) * 1_000_000) };
}

/** Reads a point in time in milliseconds since the epoch; null when it was not set. */
export function decodeTime(time: Date | undefined, field: string): Result<number | null> {
  if (time === undefined) return accept(null);
  const ms = time.getTime();
  return Number.isNaN(ms) ? reject("INVALID_ARGUMENT", `${field} is not a point in time`) : accept(ms);
}

/** Makes a point in time of milliseconds since the epoch; null is not set. */
export function encodeTime(ms: number | null): Date | undefined {
  return ms === null ? undefined : new Date(ms);
}
