import type { QueueRecord } from "../domain/records.ts";
import type { StoreReads } from "../store/store.ts";

/** What a queue id stands for. Queues are only ever added, so a cached one is never wrong. */
export interface QueueDirectory {
  /** Loads the queues when one of these ids is not known yet. */
  ensure(queueIds: Iterable<number>): Promise<void>;
  /** The queue, when `ensure` has seen it. */
  get(queueId: number): QueueName | undefined;
}

/** The part of a queue that never changes. */
export type QueueName = Pick<QueueRecord, "id" | "cluster" | "name" | "major" | "minor">;

/** Caches the queues of a store by id. */
export function createQueueDirectory(reads: Pick<StoreReads, "queues">): QueueDirectory {
  const known = new Map<number, QueueName>();
  return {
    async ensure(queueIds) {
      for (const id of queueIds) {
        if (known.has(id)) continue;
        for (const queue of await reads.queues()) known.set(queue.id, queue);
        return;
      }
    },
    get: (queueId) => known.get(queueId),
  };
}
