/**
 * Who looks after what time brings up: expired sessions, abandoned uploads, tasks that become due or overdue, background work. All processes
 * look for it, and if all saw all of it, they would all do the same at the same moment and all but one would have to start over. So each such row
 * names the slot of whoever wrote it last, its keeper, who sees it as soon as it is due. The others see it when it has been due for
 * `NEGLECT_MS`: then its keeper is dead, slow, or away from the database. Nothing depends on it but latency: two processes that see the same row
 * are ordered by their writes, as always.
 */
export const NEGLECT_MS = 2_000;

/**
 * The rows that the process with this slot is to see at `now` (milliseconds since the epoch): those whose `field` is not above it, but for rows that
 * others look after. A range of an index on `field`, partial or not; the rest is a condition on the rows that are found.
 */
export function kept(field: string, now: number, slot: number): Record<string, unknown> {
  return { [field]: { $gt: -1, $lte: now }, $or: [{ keeper: slot }, { [field]: { $lte: now - NEGLECT_MS } }] };
}
