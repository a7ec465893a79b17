import type { BatchContext } from "./batch-context.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { LiveSession } from "./live-session.ts";
import { divideByOwner } from "./sessions.ts";

/** What became of the leases of the sessions that are connected here. */
export interface Renewed {
  readonly extended: readonly Extension[];
  /** Sessions whose row in the store says that they are no longer theirs. */
  readonly superseded: readonly LiveSession[];
}

export interface Extension {
  readonly session: LiveSession;
  readonly expiresAt: number;
}

export const NOTHING_RENEWED: Renewed = { extended: [], superseded: [] };

/**
 * Renews what the store says about sessions that were heard of: one write for all, at a third of the lease, whatever the number of heartbeats, and
 * before it runs out, so that nobody loses a lease early. Where others use the same store, one of them may have taken over a session, or given it
 * up, and its stream here not know: that is looked up for those whose turn it is, and for those that should have run out.
 */
export async function renewLeases(context: BatchContext, dispatcher: Dispatcher): Promise<Renewed> {
  const { uow, settings } = context;
  const third = settings.leaseDurationMs / 3;
  const gain = (session: LiveSession) => session.lastSeen + settings.leaseDurationMs - session.storedExpiry;
  const broken = [...dispatcher.broken];
  const live = [...dispatcher.sessions.values()].filter((one) => !one.closed && !dispatcher.broken.has(one));
  const due = live.filter((session) => {
    const runsOut = session.storedExpiry - uow.now < third;
    return gain(session) > 0 && (gain(session) >= third || runsOut);
  });
  const silent = live.filter((session) => session.storedExpiry <= uow.now && gain(session) <= 0);
  const lookedUp = context.isShared ? await divideByOwner(context, [...due, ...silent]) : null;
  const superseded = lookedUp?.superseded ?? [];
  uow.afterCommit.push(() => {
    for (const session of broken) dispatcher.broken.delete(session);
  });
  const extended = [
    ...due.filter((session) => !superseded.includes(session)),
    ...broken.filter((one) => gain(one) > 0),
  ].map((session) => ({ session, expiresAt: session.lastSeen + settings.leaseDurationMs }));
  const extendSessions = extended.map(({ session: { id, epoch }, expiresAt }) => ({ id, epoch, expiresAt }));
  // At once: what has run out is looked up next.
  if (extendSessions.length > 0) await uow.tx.write({ extendSessions });
  return { extended, superseded };
}

/** Whether a lease of a runner that was heard of since runs out so soon that its renewal can wait for nothing else. */
export function isRenewalUrgent(dispatcher: Dispatcher, now: number, leaseDurationMs: number): boolean {
  const live = [...dispatcher.sessions.values()].filter((session) => !session.closed);
  return [...live, ...dispatcher.broken].some(
    ({ lastSeen, storedExpiry }) =>
      lastSeen + leaseDurationMs > storedExpiry && storedExpiry - now < leaseDurationMs / 6,
  );
}
