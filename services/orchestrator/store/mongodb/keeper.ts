import type { Collection, Filter, FindOptions } from "mongodb";
import type { Row, Step } from "./step.ts";

/**
 * Who looks after what time brings up: expired sessions, abandoned uploads, tasks that become due or overdue, background work. All processes
 * look for it, and if all saw all of it, they would all do the same at the same moment and all but one would have to start over. So each such row
 * names the slot of whoever wrote it last, its keeper, who sees it as soon as it is due. The others see it when it has been due for
 * `NEGLECT_MS`: then its keeper is dead, slow, or away from the database. Nothing depends on it but latency: two processes that see the same row
 * are ordered by their writes, as always.
 */
export const NEGLECT_MS = 2_000;

/** Which rows time has brought up. */
export interface Due<T> {
  /** With an index of its own, partial or not. */
  readonly field: string;
  /** Rows are due whose field is not above this, in milliseconds since the epoch. */
  readonly now: number;
  readonly limit: number;
  /** How long it is left to its keeper, in milliseconds. Default `NEGLECT_MS`. */
  readonly neglectMs?: number;
  /** What must hold besides. */
  readonly filter?: Filter<T>;
  readonly projection?: FindOptions["projection"];
}

/**
 * The due rows that this process is to see, longest due first: all that are neglected, and behind them its own. Two ranges of the index, one behind the
 * other: with an "or" in their place some servers walk the whole collection, whatever they explain.
 */
export async function findKept<T extends Row>(
  step: Step,
  collection: Collection<T>,
  { field, now, limit, neglectMs = NEGLECT_MS, filter, projection }: Due<T>,
): Promise<T[]> {
  const find = (range: object, most: number) => {
    const options = { sort: { [field]: 1 }, limit: most, ...(projection === undefined ? {} : { projection }) } as const;
    return step.find(collection, { ...range, ...filter } as Filter<T>, options);
  };
  const neglectedAt = now - neglectMs;
  const neglected = await find({ [field]: { $gt: -1, $lte: neglectedAt } }, limit);
  if (neglected.length >= limit) return neglected;
  const own = await find({ [field]: { $gt: neglectedAt, $lte: now }, keeper: step.slot }, limit - neglected.length);
  return [...neglected, ...own];
}
