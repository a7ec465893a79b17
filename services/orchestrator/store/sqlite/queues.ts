import type { DatabaseSync } from "node:sqlite";
import type { QueueRecord } from "../../domain/records.ts";
import type { QueueKey, WriteSet } from "../store.ts";
import { type Command, command, type Query, query } from "./query.ts";

type QueueRow = readonly [
  id: number,
  cluster: string,
  name: string,
  major: number,
  minor: number,
  queued: number,
  running: number,
];

const SELECT = "SELECT id, cluster, name, major, minor, queued, running FROM queue";

/** Lists queues. */
export class QueueReader {
  readonly #all: Query<QueueRow>;

  constructor(db: DatabaseSync) {
    this.#all = query(db, `${SELECT} ORDER BY id`);
  }

  all(): QueueRecord[] {
    return this.#all.all().map(decodeQueue);
  }
}

/** Queues as the writing connection sees them. */
export class QueueTable {
  readonly #byKey: Query<QueueRow>;
  readonly #byId: Query<QueueRow>;
  readonly #busy: Query<[number]>;
  readonly #insert: Command;
  readonly #add: Command;

  constructor(db: DatabaseSync) {
    this.#byKey = query(db, `${SELECT} WHERE cluster = ? AND name = ? AND major = ? AND minor = ?`);
    this.#byId = query(db, `${SELECT} WHERE id = ?`);
    this.#busy = query(db, "SELECT 1 FROM queue WHERE cluster = ? AND (queued > 0 OR running > 0) LIMIT 1");
    this.#insert = command(
      db,
      "INSERT INTO queue (cluster, name, major, minor, queued, running) VALUES (?, ?, ?, ?, 0, 0) ON CONFLICT DO NOTHING",
    );
    this.#add = command(db, "UPDATE queue SET queued = queued + ?, running = running + ? WHERE id = ?");
  }

  intern(keys: readonly QueueKey[]): QueueRecord[] {
    return keys.map((key) => {
      const { cluster, name, major, minor } = key;
      const known = this.#byKey.get(cluster, name, major, minor);
      if (known !== undefined) return decodeQueue(known);
      this.#insert.run(cluster, name, major, minor);
      return decodeQueue(this.#byKey.get(cluster, name, major, minor) as QueueRow);
    });
  }

  load(ids: readonly number[]): QueueRecord[] {
    return ids.flatMap((id) => {
      const row = this.#byId.get(id);
      return row === undefined ? [] : [decodeQueue(row)];
    });
  }

  /** Whether any queue of the cluster counts something queued or running. */
  isBusy(cluster: string): boolean {
    return this.#busy.get(cluster) !== undefined;
  }

  add(deltas: NonNullable<WriteSet["queueDeltas"]>): void {
    for (const { queueId, queued, running } of deltas) this.#add.run(queued, running, queueId);
  }
}

function decodeQueue(row: QueueRow): QueueRecord {
  const [id, cluster, name, major, minor, queued, running] = row;
  return { id, cluster, name, major, minor, queued, running };
}
