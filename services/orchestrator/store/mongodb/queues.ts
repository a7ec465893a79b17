import type { QueueRecord } from "../../domain/records.ts";
import type { QueueKey, WriteSet } from "../store.ts";
import type { QueueCountRow, QueueRow, Rows } from "./rows.ts";
import type { Step } from "./step.ts";

/**
 * Queues as a step sees them. Each process adds to numbers of its own, since every step changes some.
 *
 * Whoever deletes a cluster writes all rows of its queues and of their numbers; so that nothing can be added to the cluster at the same time, whoever makes
 * a queue writes the cluster's row, whoever makes a row of numbers writes the queue's row, and whoever makes tasks writes its own numbers.
 */
export class QueueTable {
  readonly #step: Step;
  /** Rows of numbers that are known to exist. */
  readonly #counted: Set<string>;

  constructor(step: Step, counted: Set<string>) {
    this.#step = step;
    this.#counted = counted;
  }

  async load(ids: readonly number[]): Promise<QueueRecord[]> {
    const { rows } = this.#step;
    const found = await this.#step.findByIds(rows.queue, ids);
    const counts = await this.#step.find(rows.queue_count, { queue: { $in: [...ids] } });
    return decodeQueues(found, counts);
  }

  /** Returns the queues in the order asked, making those that do not exist. */
  async intern(keys: readonly QueueKey[]): Promise<QueueRecord[]> {
    if (keys.length === 0) return [];
    const { rows } = this.#step;
    const clusters = [...new Set(keys.map((key) => key.cluster))];
    const names = [...new Set(keys.map((key) => key.name))];
    const found = await this.#step.find(rows.queue, { cluster: { $in: clusters }, name: { $in: names } });
    const byKey = new Map(found.map((row) => [keyText(row), row]));
    let next: number | null = null;
    for (const key of keys) {
      if (byKey.has(keyText(key))) continue;
      next ??= ((await this.#step.find(rows.queue, {}, { sort: { _id: -1 }, limit: 1 }))[0]?._id ?? 0) + 1;
      const { cluster, name, major, minor } = key;
      const row: QueueRow = { _id: next++, cluster, name, major, minor, rev: 0 };
      byKey.set(keyText(key), row);
      this.#step.insert(rows.queue, row);
      this.#step.update(rows.cluster, { _id: cluster }, { $inc: { rev: 1 } });
    }
    const wanted = keys.flatMap((key) => byKey.get(keyText(key)) ?? []);
    const ids = [...new Set(wanted.map((row) => row._id))];
    const counts = await this.#step.find(rows.queue_count, { queue: { $in: ids } });
    return decodeQueues(wanted, counts);
  }

  /** Whether any queue of the cluster counts something queued or running. */
  async isBusy(cluster: string): Promise<boolean> {
    return (await this.load(await this.idsOf(cluster))).some(({ queued, running }) => queued > 0 || running > 0);
  }

  async idsOf(cluster: string): Promise<number[]> {
    return (await this.#step.find(this.#step.rows.queue, { cluster })).map((row) => row._id);
  }

  add(deltas: NonNullable<WriteSet["queueDeltas"]>): void {
    for (const { queueId, queued, running } of deltas) this.#addOne(queueId, queued, running);
  }

  /** Tasks of these queues are made in this step. */
  touch(queueIds: Iterable<number>): void {
    for (const id of queueIds) this.#addOne(id, 0, 0);
  }

  #addOne(queue: number, queued: number, running: number): void {
    const { rows, slot } = this.#step;
    const update = { $inc: { queued, running, rev: 1 }, $setOnInsert: { queue } };
    const _id = `${queue}/${slot}`;
    this.#step.update(rows.queue_count, { _id }, update, true);
    if (this.#counted.has(_id)) return;
    this.#step.update(rows.queue, { _id: queue }, { $inc: { rev: 1 } });
    this.#step.onCommit.push(() => this.#counted.add(_id));
  }
}

/** All queues, by id. */
export async function readQueues(rows: Rows): Promise<QueueRecord[]> {
  const [found, counts] = await Promise.all([
    rows.queue.find({}, { sort: { _id: 1 } }).toArray(),
    rows.queue_count.find({}).toArray(),
  ]);
  return decodeQueues(found, counts);
}

function decodeQueues(rows: readonly QueueRow[], counts: readonly QueueCountRow[]): QueueRecord[] {
  const byQueue = Map.groupBy(counts, (count) => count.queue);
  return rows.map(({ _id: id, cluster, name, major, minor }) => {
    let queued = 0;
    let running = 0;
    for (const count of byQueue.get(id) ?? []) {
      queued += count.queued;
      running += count.running;
    }
    return { id, cluster, name, major, minor, queued, running };
  });
}

function keyText(key: QueueKey): string {
  return `${key.cluster}/${key.major}.${key.minor}/${key.name}`;
}
