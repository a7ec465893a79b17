const firstDelayMs = 100;
const maxDelayMs = 10_000;

/** Delay before reconnecting for the n-th time in a row (from 0), in milliseconds: exponential, with full jitter. */
export function reconnectDelayMs(failures: number, random: () => number = Math.random): number {
  return random() * Math.min(maxDelayMs, firstDelayMs * 2 ** failures);
}
