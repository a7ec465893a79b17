import type { ClusterRecord } from "../../domain/records.ts";
import type { ClusterRow, Rows } from "./rows.ts";
import type { Step } from "./step.ts";

/** All clusters, by slug. */
export async function readClusters(rows: Rows): Promise<ClusterRecord[]> {
  return (await rows.cluster.find({}, { sort: { _id: 1 } }).toArray()).map(decodeCluster);
}

/** Clusters as a step sees them. */
export class ClusterTable {
  readonly #step: Step;

  constructor(step: Step) {
    this.#step = step;
  }

  async load(slugs: readonly string[]): Promise<ClusterRecord[]> {
    return (await this.#step.findByIds(this.#step.rows.cluster, slugs)).map(decodeCluster);
  }

  put(clusters: readonly ClusterRecord[]): void {
    for (const { slug, displayName, description, createdAt: created } of clusters) {
      const update = { $set: { displayName, description, created }, $inc: { rev: 1 } };
      this.#step.update(this.#step.rows.cluster, { _id: slug }, update, true);
    }
  }

  /**
   * Whoever deletes a cluster has seen that nothing uses it. A step that begins to use it at the same time writes the cluster's row, that of one of
   * its queues or that of a queue's numbers (see `QueueTable`), so all of them are written here.
   */
  async delete(slugs: readonly string[]): Promise<void> {
    const { rows } = this.#step;
    const queues = await this.#step.find(rows.queue, { cluster: { $in: [...slugs] } }, { projection: { _id: 1 } });
    const ids = queues.map((row) => row._id);
    if (ids.length > 0) {
      this.#step.updateMany(rows.queue, { _id: { $in: ids } }, { $inc: { rev: 1 } });
      this.#step.updateMany(rows.queue_count, { queue: { $in: ids } }, { $inc: { rev: 1 } });
    }
    this.#step.deleteByIds(rows.cluster, slugs);
  }
}

function decodeCluster(row: ClusterRow): ClusterRecord {
  return { slug: row._id, displayName: row.displayName, description: row.description, createdAt: row.created };
}
