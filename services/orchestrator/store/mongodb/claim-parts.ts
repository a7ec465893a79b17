import { PARTS } from "./task-codec.ts";

/** Who divides the claimable tasks, and when. */
export interface Division {
  /** Slots of the processes that want tasks, in ascending order. */
  readonly claiming: readonly number[];
  /** The process that asks; it is one of them. */
  readonly slot: number;
  /** By the clock of the database, in milliseconds. */
  readonly now: number;
  /** What another process has begun to claim when a part moves on is taken to be finished after this, in milliseconds. */
  readonly graceMs: number;
}

/** For how long a part stays with a process. */
const STAY_MS = 5_000;

/** What is a process's own. */
export interface OwnParts {
  /** Of all from 0 to `PARTS` - 1. */
  readonly parts: number[];
  /** In so many milliseconds they are others. */
  readonly forMs: number;
}

/**
 * The parts of the claimable tasks that are a process's own for now. No part is ever two processes' own, as far as they agree on who wants tasks and
 * on the time.
 *
 * The parts are a ring that turns past the processes, so that no task has to wait for long for a process whose runners cannot take it. In each turn a part
 * or two move on from one process to the next, and are nobody's until the grace is over.
 */
export function ownParts({ claiming, slot, now, graceMs }: Division): OwnParts {
  const turnMs = Math.ceil((STAY_MS * Math.min(claiming.length, PARTS)) / PARTS);
  const turn = Math.floor(now / turnMs);
  const own = claiming.indexOf(slot);
  // Where there are more processes than parts, some have none for a while.
  const ownerOf = (part: number, at: number) =>
    claiming.length > PARTS
      ? (part + at) % claiming.length
      : Math.floor((((part + at) % PARTS) * claiming.length) / PARTS);
  const movedAt = turn * turnMs + Math.min(graceMs, turnMs / 2);
  const isMoving = now < movedAt;
  const parts = Array.from({ length: PARTS }, (_, part) => part).filter(
    (part) => ownerOf(part, turn) === own && (!isMoving || ownerOf(part, turn - 1) === own),
  );
  return { parts, forMs: (isMoving ? movedAt : (turn + 1) * turnMs) - now };
}
