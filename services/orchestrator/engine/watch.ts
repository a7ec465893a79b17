import { isOver } from "../domain/records.ts";
import type { ChangeEntry, Store } from "../store/store.ts";
import type { Clock } from "./clock.ts";
import type { Notifier } from "./notifier.ts";

/** Entries that are read at once. */
const ENTRIES_PER_PAGE = 200;
/**
 * While a job goes on its changes are read no oftener than this: a busy one changes with each commit, and each of its watchers would cost every
 * commit a read. Where a read is half a dozen round trips, the pace of one that stays busy doubles up to the longest. A job's end is seen at once.
 */
const PACE_MS = 20;
const LONGEST_PACE_MS = { exclusive: PACE_MS, shared: 100 };
/** How long a change of another orchestrator may stay unseen when no wake-up comes. */
const POLL_MS = 1_000;

type WatchedStore = Pick<Store, "listChanges" | "job" | "sharing">;

/**
 * A job's changes behind a position, from the stored log: whoever watches, whenever and wherever, sees the same steps, each once. Ends when
 * everything has been handed over, the job has ended, and nothing of it runs.
 */
export async function* watchJob(
  { store, clock, notifier }: { readonly store: WatchedStore; readonly clock: Clock; readonly notifier: Notifier },
  jobId: string,
  after: string | null,
  signal: AbortSignal,
): AsyncGenerator<readonly ChangeEntry[]> {
  const longestPaceMs = LONGEST_PACE_MS[store.sharing];
  let paceMs = PACE_MS;
  let position = after;
  while (!signal.aborted) {
    // Listening begins before reading, so that no change falls between the two.
    const waiter = nextChange({ notifier, clock, paceMs }, jobId, signal);
    try {
      const entries = await store.listChanges(jobId, position, ENTRIES_PER_PAGE);
      const last = entries.at(-1);
      if (last !== undefined) {
        position = last.position;
        yield entries;
        if (entries.length === ENTRIES_PER_PAGE) continue;
      }
      const job = last?.job ?? (await store.job(jobId));
      if (job === null || isOver(job)) return;
      const wasPaced = await waiter.promise;
      paceMs = wasPaced ? Math.min(2 * paceMs, longestPaceMs) : PACE_MS;
    } finally {
      waiter.cancel();
    }
  }
}

/** Resolves when there may be something to read: with whether that was put off for the sake of the pace. */
function nextChange(
  { notifier, clock, paceMs }: { readonly notifier: Notifier; readonly clock: Clock; readonly paceMs: number },
  jobId: string,
  signal: AbortSignal,
): { readonly promise: Promise<boolean>; readonly cancel: () => void } {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const since = clock.now();
  const timers = [clock.after(POLL_MS, () => resolve(false))];
  const forget = notifier.listen(jobId, (over) => {
    const early = since + paceMs - clock.now();
    if (over || early <= 0) resolve(false);
    else if (timers.length === 1) timers.push(clock.after(early, () => resolve(true)));
  });
  const onAbort = () => resolve(false);
  signal.addEventListener("abort", onAbort, { once: true });
  const cancel = () => {
    forget();
    for (const stop of timers) stop();
    signal.removeEventListener("abort", onAbort);
  };
  return { promise, cancel };
}
