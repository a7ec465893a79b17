import type { LeaseRef, RevocationReason } from "./api.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { LiveSession } from "./live-session.ts";

/** Tells a runner to stop these attempts. Of a canceled job it is told once for each lease. */
export function revoke(session: LiveSession, leases: readonly LeaseRef[], reason: RevocationReason): void {
  const isCancel = reason === "JOB_CANCELED";
  if (!isCancel) for (const lease of leases) session.supersede(lease.taskId, lease.leaseToken);
  const news = isCancel ? leases.filter((lease) => !session.toldCanceled.has(lease.leaseToken)) : leases;
  if (session.closed || news.length === 0) return;
  if (isCancel) for (const lease of news) session.toldCanceled.add(lease.leaseToken);
  session.sink.revocations(news.map(({ taskId, leaseToken }) => ({ taskId, leaseToken, reason })));
}

/** Tells the runners that are connected here to stop these attempts. */
export function tellRunners(
  dispatcher: Dispatcher,
  tasks: readonly { readonly id: string; readonly leaseToken: string | null; readonly sessionId: string | null }[],
  reason: RevocationReason,
): void {
  for (const { id, leaseToken, sessionId } of tasks) {
    const session = sessionId === null ? undefined : dispatcher.sessions.get(sessionId);
    if (session === undefined || leaseToken === null || session.held.get(id) !== leaseToken) continue;
    revoke(session, [{ taskId: id, leaseToken }], reason);
  }
}
