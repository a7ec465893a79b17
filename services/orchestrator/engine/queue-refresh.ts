import type { StoreReads } from "../store/store.ts";
import type { Committer } from "./committer.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { EngineObserver } from "./observer.ts";
import type { QueueRegistry } from "./queue-registry.ts";

interface Parts {
  readonly reads: Pick<StoreReads, "queues">;
  readonly queues: QueueRegistry;
  readonly dispatcher: Dispatcher;
  readonly committer: Pick<Committer, "dispatch">;
  readonly observer: Pick<EngineObserver, "queueDepth">;
}

/**
 * Brings what is known of the queues up to date on a store that others use too: queues that they made, and the numbers, which are sums over what all
 * of them do. One reading at a time, whoever asks.
 */
export class QueueRefresh {
  readonly #parts: Parts;
  #current: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Resolves when a reading that began after the call has been taken in. Rejects when the store is away. */
  run(): Promise<void> {
    if (this.#current === null) return this.#start();
    const current = this.#current;
    this.#next ??= current
      .catch(() => {})
      .then(() => {
        this.#next = null;
        return this.#start();
      });
    return this.#next;
  }

  #start(): Promise<void> {
    const reading = this.#read().finally(() => {
      if (this.#current === reading) this.#current = null;
    });
    this.#current = reading;
    return reading;
  }

  async #read(): Promise<void> {
    const { reads, queues, dispatcher, committer, observer } = this.#parts;
    const found = await reads.queues();
    const fresh = found.filter((queue) => queues.put(queue));
    for (const queue of found) observer.queueDepth(queue);
    if (fresh.length === 0) return;
    dispatcher.queuesChanged();
    if (dispatcher.hint(fresh.map((queue) => queue.id))) committer.dispatch();
  }
}
