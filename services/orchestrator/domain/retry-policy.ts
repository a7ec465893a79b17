import type { RetryPolicy } from "./records.ts";

/**
 * Wait before the retry that follows the given number of failures (1 is the first), in milliseconds: exponential, capped, then shortened by
 * a random part of up to `jitter` of it. It counts failures, not attempts: attempts also count grants that were lost.
 */
export function backoffMs(retry: RetryPolicy, failures: number, random: number): number {
  if (retry.initialBackoffMs === 0) return 0;
  const grown = retry.initialBackoffMs * retry.multiplier ** (failures - 1);
  return Math.round(Math.min(grown, retry.maxBackoffMs) * (1 - retry.jitter * random));
}
