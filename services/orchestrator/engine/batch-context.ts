import type { QueueRecord } from "../domain/records.ts";
import type { QueueKey } from "../store/store.ts";
import type { Ids } from "./ids.ts";
import type { PartReader } from "./parts.ts";
import type { QueueRegistry } from "./queue-registry.ts";
import type { EngineOptions, EngineSettings } from "./settings.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

/** What the steps of one batch share. */
export class BatchContext {
  readonly uow: UnitOfWork;
  readonly options: EngineOptions;
  readonly queues: QueueRegistry;
  readonly parts: PartReader;
  /** Queues that this batch made or met for the first time, as they were before it; known to the registry only once they are committed. */
  readonly newQueues: QueueRecord[] = [];
  readonly #clusters = new Map<string, boolean>();

  constructor(uow: UnitOfWork, options: EngineOptions, queues: QueueRegistry, parts: PartReader) {
    this.uow = uow;
    this.options = options;
    this.queues = queues;
    this.parts = parts;
  }

  get ids(): Ids {
    return this.options.ids;
  }

  get settings(): EngineSettings {
    return this.options.settings;
  }

  /** Whether other orchestrators may use the same store. */
  get isShared(): boolean {
    return this.options.store.sharing === "shared";
  }

  /** Gets to know queues that another orchestrator may have made. */
  async ensureQueues(ids: Iterable<number>): Promise<void> {
    const unknown = new Set<number>();
    for (const id of ids) if (!this.#knows(id)) unknown.add(id);
    if (unknown.size > 0) this.newQueues.push(...(await this.uow.tx.loadQueues([...unknown])));
  }

  /** A queue by id, made by this batch or before. One of a task of the store must have been asked for by `ensureQueues`. */
  queue(id: number): QueueRecord {
    return this.newQueues.find((queue) => queue.id === id) ?? this.queues.get(id);
  }

  async loadClusters(slugs: Iterable<string>): Promise<void> {
    const missing = [...new Set(slugs)].filter((slug) => !this.#clusters.has(slug));
    if (missing.length === 0) return;
    for (const slug of missing) this.#clusters.set(slug, false);
    for (const cluster of await this.uow.tx.loadClusters(missing)) this.#clusters.set(cluster.slug, true);
  }

  /** The cluster must have been asked for by `loadClusters`. */
  clusterExists(slug: string): boolean {
    return this.#clusters.get(slug) ?? false;
  }

  /** Ids of the queues, in order, making those that do not exist. */
  async internQueues(keys: readonly QueueKey[]): Promise<number[]> {
    const unknown = keys.filter((key) => this.#find(key) === undefined);
    if (unknown.length > 0) this.newQueues.push(...(await this.uow.tx.internQueues(unknown)));
    return keys.map((key) => {
      const queue = this.#find(key);
      if (queue === undefined) throw new Error("the store did not intern a queue");
      return queue.id;
    });
  }

  #knows(id: number): boolean {
    return this.queues.has(id) || this.newQueues.some((queue) => queue.id === id);
  }

  #find(key: QueueKey): QueueRecord | undefined {
    return this.queues.find(key) ?? this.newQueues.find((queue) => sameKey(queue, key));
  }
}

function sameKey(a: QueueKey, b: QueueKey): boolean {
  return a.name === b.name && a.cluster === b.cluster && a.major === b.major && a.minor === b.minor;
}
