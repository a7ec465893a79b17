import type { JobRecord } from "../domain/records.ts";
import type { ChangeEntry, StoreReads } from "../store/store.ts";
import type { Clock } from "./clock.ts";
import type { Notifier } from "./notifier.ts";

/** Entries that are read at once. */
const ENTRIES_PER_PAGE = 200;
/**
 * While a job goes on its changes are read no oftener than this: a busy one changes with each commit, and each of its watchers would cost every
 * commit a read. Its end is seen at once.
 */
const PACE_MS = 20;
/** How long a change of another orchestrator may stay unseen when no wake-up comes. */
const POLL_MS = 1_000;

/**
 * A job's changes behind a position, from the stored log: whoever watches, whenever and wherever, sees the same steps, each once. Ends when
 * everything has been handed over, the job has ended, and nothing of it runs.
 */
export async function* watchJob(
  { reads, clock, notifier }: { readonly reads: StoreReads; readonly clock: Clock; readonly notifier: Notifier },
  jobId: string,
  after: string | null,
  signal: AbortSignal,
): AsyncGenerator<readonly ChangeEntry[]> {
  let position = after;
  while (!signal.aborted) {
    // Listening begins before reading, so that no change falls between the two.
    const waiter = nextChange(notifier, clock, jobId, signal);
    try {
      const entries = await reads.listChanges(jobId, position, ENTRIES_PER_PAGE);
      const last = entries.at(-1);
      if (last !== undefined) {
        position = last.position;
        yield entries;
        if (entries.length === ENTRIES_PER_PAGE) continue;
      }
      const job = last?.job ?? (await reads.job(jobId));
      if (job === null || isOver(job)) return;
      await waiter.promise;
    } finally {
      waiter.cancel();
    }
  }
}

/** Whether a watch of the job has nothing to wait for, unless somebody retries it. */
export function isOver(job: JobRecord): boolean {
  return job.status !== "OPEN" && job.counts.RUNNING === 0;
}

function nextChange(
  notifier: Notifier,
  clock: Clock,
  jobId: string,
  signal: AbortSignal,
): { readonly promise: Promise<void>; readonly cancel: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const since = clock.now();
  const timers = [clock.after(POLL_MS, resolve)];
  const forget = notifier.listen(jobId, (over) => {
    const early = since + PACE_MS - clock.now();
    if (over || early <= 0) resolve();
    else if (timers.length === 1) timers.push(clock.after(early, resolve));
  });
  const onAbort = () => resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  const cancel = () => {
    forget();
    for (const stop of timers) stop();
    signal.removeEventListener("abort", onAbort);
  };
  return { promise, cancel };
}
