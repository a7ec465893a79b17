import type { QueueRecord } from "../domain/records.ts";
import type { LiveSession } from "./live-session.ts";
import { type QueueRegistry, serves } from "./queue-registry.ts";

/** Sessions that serve exactly the same queues: whatever is claimed for one could be given to any of them. */
export interface SessionClass {
  readonly queueIds: readonly number[];
  readonly sessions: readonly LiveSession[];
  /** All that is claimable in these queues became so in the batch under way. */
  readonly isFresh: boolean;
  readonly credits: number;
}

/**
 * Knows which runners are connected here and which queues may hold something for them, so that a batch claims only when somebody would get
 * something. All of it is a hint that is rebuilt at a start: every queue counts as ready until a claim has found it empty.
 */
export class Dispatcher {
  readonly sessions = new Map<string, LiveSession>();
  /** Sessions whose stream broke, or ends here, since leases were last renewed: they last from when the runner was last heard of. */
  readonly broken = new Set<LiveSession>();
  readonly #queues: QueueRegistry;
  /** Queues that may hold something, and from when on it is worth looking; what is left to other orchestrators for a while is so later. */
  readonly #readyFrom = new Map<number, number>();
  /** Queues of which something was heard from outside since the batch under way began: it cannot know whether they are empty. */
  readonly #hinted = new Set<number>();
  /** Moves on with each claim, so that no class of sessions is always first. */
  #turn = 0;

  constructor(queues: QueueRegistry) {
    this.#queues = queues;
  }

  add(session: LiveSession): void {
    session.queueIds = this.#queues.servedBy(session.cluster, session.identifiers);
    this.sessions.set(session.id, session);
  }

  /** Forgets the session, unless another stream has taken its id over. */
  remove(session: LiveSession): void {
    session.closed = true;
    if (this.sessions.get(session.id) === session) this.sessions.delete(session.id);
  }

  /** A queue was made: sessions that can serve it must know. */
  queuesChanged(): void {
    for (const session of this.sessions.values()) {
      session.queueIds = this.#queues.servedBy(session.cluster, session.identifiers);
    }
  }

  markReady(queueIds: Iterable<number>): void {
    for (const id of queueIds) this.#readyFrom.set(id, Number.NEGATIVE_INFINITY);
  }

  /** Another orchestrator may have queued something in these queues. Returns whether anybody here would take it. */
  hint(queueIds: Iterable<number>): boolean {
    const ids = new Set(queueIds);
    this.markReady(ids);
    for (const id of ids) this.#hinted.add(id);
    for (const session of this.sessions.values()) {
      if (session.isHungry() && session.queueIds.some((id) => ids.has(id))) return true;
    }
    return false;
  }

  /** A batch begins, and sees all that was committed by now. */
  startBatch(): void {
    this.#hinted.clear();
  }

  /** The last batch has found these queues empty. */
  markEmpty(queueIds: Iterable<number>): void {
    for (const id of queueIds) if (!this.#hinted.has(id)) this.#readyFrom.delete(id);
  }

  /** The last batch has left what there is in these queues to other orchestrators, until this time. */
  markLeft(queueIds: Iterable<number>, until: number): void {
    for (const id of queueIds) if (!this.#hinted.has(id)) this.#readyFrom.set(id, until);
  }

  /** When what was left to others is to be looked at again for a session that could be granted something; infinite: there is no such time. */
  leftUntil(now: number): number {
    const left = new Map([...this.#readyFrom].filter(([, from]) => from > now));
    let until = Number.POSITIVE_INFINITY;
    if (left.size === 0) return until;
    for (const session of this.sessions.values()) {
      if (!session.isHungry()) continue;
      for (const id of session.queueIds) until = Math.min(until, left.get(id) ?? Number.POSITIVE_INFINITY);
    }
    return until;
  }

  /**
   * Sessions that could be granted something. `readyToo`: queues that became ready in the batch under way; `newQueues`: those that it made, or met
   * for the first time.
   */
  hungryClasses(now: number, readyToo: ReadonlySet<number>, newQueues: readonly QueueRecord[]): SessionClass[] {
    const isReady = (id: number) => (this.#readyFrom.get(id) ?? Number.POSITIVE_INFINITY) <= now;
    const classes = new Map<
      string,
      { queueIds: number[]; sessions: LiveSession[]; isFresh: boolean; credits: number }
    >();
    const full = new Set(newQueues.filter((queue) => queue.queued > 0).map((queue) => queue.id));
    for (const session of this.sessions.values()) {
      if (!session.isHungry()) continue;
      const queueIds = session.queueIds.filter((id) => isReady(id) || readyToo.has(id));
      for (const queue of newQueues) {
        const isNew = readyToo.has(queue.id) && !queueIds.includes(queue.id);
        if (isNew && serves(session.cluster, session.identifiers, queue)) queueIds.push(queue.id);
      }
      if (queueIds.length === 0) continue;
      const key = queueIds.join();
      let found = classes.get(key);
      if (found === undefined) {
        found = {
          queueIds,
          sessions: [],
          isFresh: !queueIds.some((id) => isReady(id) || full.has(id)),
          credits: 0,
        };
        classes.set(key, found);
      }
      found.sessions.push(session);
      found.credits += session.credits;
    }
    const list = [...classes.values()];
    if (list.length < 2) return list;
    this.#turn = (this.#turn + 1) % list.length;
    return [...list.slice(this.#turn), ...list.slice(0, this.#turn)];
  }

  /** Sessions that asked to be told when nothing is left for them, were not told yet, and hold nothing. */
  unoccupiedSessions(): LiveSession[] {
    return [...this.sessions.values()].filter(
      (session) => session.notifyIdle && !session.idleSent && !session.closed && session.held.size === 0,
    );
  }

  /** Those of them for whom nothing is queued or running anywhere, as far as is known. */
  idleSessions(): LiveSession[] {
    return this.unoccupiedSessions().filter(({ queueIds }) =>
      queueIds.every((id) => {
        const queue = this.#queues.get(id);
        return queue.queued === 0 && queue.running === 0;
      }),
    );
  }
}
