import type { ChangeEntry, StoreReads } from "../store/store.ts";
import type { Clock } from "./clock.ts";
import type { Notifier } from "./notifier.ts";

/** Entries that are read at once. */
const ENTRIES_PER_PAGE = 200;
/** How long a change of another orchestrator may stay unseen when no wake-up comes. */
const POLL_MS = 1_000;

/**
 * A job's changes behind `afterSeq`, from the stored log: whoever watches, whenever and wherever, sees the same steps, each once. Ends when
 * everything has been handed over, the job has ended, and nothing of it runs.
 */
export async function* watchJob(
  { reads, clock, notifier }: { readonly reads: StoreReads; readonly clock: Clock; readonly notifier: Notifier },
  jobId: string,
  afterSeq: number,
  signal: AbortSignal,
): AsyncGenerator<readonly ChangeEntry[]> {
  let seq = afterSeq;
  while (!signal.aborted) {
    // Listening begins before reading, so that no change falls between the two.
    const waiter = nextChange(notifier, clock, jobId, signal);
    try {
      const entries = await reads.listChanges(jobId, seq, ENTRIES_PER_PAGE);
      const last = entries.at(-1);
      if (last !== undefined) {
        seq = last.seq;
        yield entries;
        if (entries.length === ENTRIES_PER_PAGE) continue;
      }
      const job = last?.job ?? (await reads.job(jobId));
      if (job === null || (job.status !== "OPEN" && job.counts.RUNNING === 0)) return;
      await waiter.promise;
    } finally {
      waiter.cancel();
    }
  }
}

function nextChange(
  notifier: Notifier,
  clock: Clock,
  jobId: string,
  signal: AbortSignal,
): { readonly promise: Promise<void>; readonly cancel: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const forget = notifier.once(jobId, resolve);
  const stop = clock.after(POLL_MS, resolve);
  const onAbort = () => resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  const cancel = () => {
    forget();
    stop();
    signal.removeEventListener("abort", onAbort);
  };
  return { promise, cancel };
}
