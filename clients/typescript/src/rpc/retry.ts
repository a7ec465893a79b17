import { setTimeout as sleep } from "node:timers/promises";
import { toTaskgroveError } from "../errors.ts";
import { reconnectDelayMs } from "./backoff.ts";

/** Gives up when the orchestrator was away this long. */
const maxOutageMs = 60_000;

/**
 * Makes a call again, with backoff, while it fails with `UNAVAILABLE`: for calls that may be repeated. Rejects with a TaskgroveError, or
 * with the signal's reason.
 */
export async function retryWhileUnavailable<Result>(call: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  const startMs = performance.now();
  for (let failures = 0; ; failures++) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      const failure = toTaskgroveError(error);
      if (failure.code !== "UNAVAILABLE" || performance.now() - startMs > maxOutageMs) throw failure;
    }
    await sleep(reconnectDelayMs(failures), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
