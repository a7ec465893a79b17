import type { QueueRecord, TaskIdentifier } from "../domain/records.ts";
import { canRun } from "../domain/version.ts";
import type { QueueKey } from "../store/store.ts";

/**
 * What is known of the queues: a cache of committed records, so that neither a claim nor a scrape has to ask the store. On a store that others
 * use too, the numbers are those of the last reading.
 */
export class QueueRegistry {
  readonly #byId = new Map<number, QueueRecord>();
  readonly #byKey = new Map<string, QueueRecord>();

  find(key: QueueKey): QueueRecord | undefined {
    return this.#byKey.get(keyText(key));
  }

  get(id: number): QueueRecord {
    const queue = this.#byId.get(id);
    if (queue === undefined) throw new Error(`queue ${id} is not known`);
    return queue;
  }

  has(id: number): boolean {
    return this.#byId.has(id);
  }

  ids(): Iterable<number> {
    return this.#byId.keys();
  }

  /** Takes in a committed record. Returns whether the queue is new. */
  put(queue: QueueRecord): boolean {
    const isNew = !this.#byId.has(queue.id);
    this.#byId.set(queue.id, queue);
    this.#byKey.set(keyText(queue), queue);
    return isNew;
  }

  /** Takes in a committed record that may be older than what is known. Returns whether the queue is new. */
  learn(queue: QueueRecord): boolean {
    return !this.has(queue.id) && this.put(queue);
  }

  /** Adds to a queue's numbers, as committed. */
  add(id: number, delta: { readonly queued: number; readonly running: number }): QueueRecord {
    const queue = this.get(id);
    const next = { ...queue, queued: queue.queued + delta.queued, running: queue.running + delta.running };
    this.put(next);
    return next;
  }

  /** Ids of the queues whose tasks a runner with these identifiers may execute. */
  servedBy(cluster: string, identifiers: readonly TaskIdentifier[]): number[] {
    const ids: number[] = [];
    for (const queue of this.#byId.values()) if (serves(cluster, identifiers, queue)) ids.push(queue.id);
    return ids;
  }
}

/** Whether a runner with these identifiers may execute the tasks of a queue. */
export function serves(cluster: string, identifiers: readonly TaskIdentifier[], queue: QueueRecord): boolean {
  return queue.cluster === cluster && identifiers.some((identifier) => canRun(identifier, queue));
}

function keyText(key: QueueKey): string {
  return `${key.cluster}/${key.major}.${key.minor}/${key.name}`;
}
