import { setTimeout as sleep } from "node:timers/promises";
import { isOutage, toTaskgroveError } from "../errors.ts";
import { reconnectDelayMs } from "./backoff.ts";

/** Unless told otherwise: gives up when the orchestrators were away this long. */
export const defaultMaxOutageMs = 60_000;

/**
 * Makes a call again, with backoff, while it fails because the orchestrator is away: for calls that may be repeated. Rejects with a
 * TaskgroveError, or with the signal's reason.
 */
export async function retryWhileUnavailable<Result>(call: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  const startMs = performance.now();
  for (let failures = 0; ; failures++) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      const failure = toTaskgroveError(error);
      if (!isOutage(failure) || performance.now() - startMs > defaultMaxOutageMs) throw failure;
    }
    await sleep(reconnectDelayMs(failures), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
