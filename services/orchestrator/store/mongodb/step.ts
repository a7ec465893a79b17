import type {
  AnyBulkWriteOperation,
  AnyClientBulkWriteModel,
  ClientSession,
  Collection,
  Document,
  Filter,
  FindOptions,
  UpdateFilter,
} from "mongodb";
import type { Connection } from "./database.ts";
import type { Rows } from "./rows.ts";

/** How the processes on a database divide what all of them count. */
export interface Sharing {
  /** Their slots, this process's own included; only this one: nothing is divided. */
  readonly slots: readonly number[];
  /** Jobs with fewer tasks are counted in one row. */
  readonly fromTasks: number;
}

/** What has an id. */
export type Row = Document & { readonly _id: string | number };

/**
 * One attempt at a transaction. Reads see the snapshot and what the step has written. Writes are held back and go out together, in one round trip,
 * before a read of one of their collections and at the end: each trip costs as much as hundreds of rows.
 */
export class Step {
  readonly connection: Connection;
  readonly session: ClientSession;
  /** The number of this process among those on the database: it has rows of its own where all of them count something. */
  readonly slot: number;
  /** Among how many processes counters are divided, and from which size of a job on. */
  readonly sharing: Sharing;
  /** To be done when the step has been committed. */
  readonly onCommit: (() => void)[] = [];
  #writes: AnyClientBulkWriteModel<Document>[] = [];
  readonly #dirty = new Set<string>();
  #hasRead = false;
  hasWritten = false;

  constructor(connection: Connection, session: ClientSession, slot: number, sharing: Sharing) {
    this.connection = connection;
    this.session = session;
    this.slot = slot;
    this.sharing = sharing;
  }

  get rows(): Rows {
    return this.connection.rows;
  }

  /** All that matches, in one round trip unless it is larger than a message. */
  async find<T extends Row>(collection: Collection<T>, filter: Filter<T>, options: FindOptions = {}): Promise<T[]> {
    if (this.#dirty.has(collection.collectionName)) await this.flush();
    this.#hasRead = true;
    const batchSize = options.limit === undefined ? WHOLE : options.limit + 1;
    return (await collection.find(filter, { batchSize, ...options, session: this.session }).toArray()) as T[];
  }

  /** By id, in any order; what does not exist is left out. */
  async findByIds<T extends Row>(
    collection: Collection<T>,
    ids: readonly T["_id"][],
    options: FindOptions = {},
  ): Promise<T[]> {
    if (ids.length === 0) return [];
    const filter = { _id: ids.length === 1 ? ids[0] : { $in: ids } } as Filter<T>;
    return this.find(collection, filter, options);
  }

  insert<T extends Row>(collection: Collection<T>, document: T): void {
    this.#write(collection, { name: "insertOne", document });
  }

  /** Changes the first that matches. An update that changes nothing is no write: count up `rev` where it must be one. */
  update<T extends Row>(collection: Collection<T>, filter: Filter<T>, update: UpdateFilter<T>, upsert = false): void {
    this.#write(collection, { name: "updateOne", filter, update, upsert });
  }

  updateMany<T extends Row>(collection: Collection<T>, filter: Filter<T>, update: UpdateFilter<T>): void {
    this.#write(collection, { name: "updateMany", filter, update });
  }

  /** Puts the row in the place of the one with its id, or inserts it. */
  replace<T extends Row>(collection: Collection<T>, document: T): void {
    this.#write(collection, { name: "replaceOne", filter: { _id: document._id }, replacement: document, upsert: true });
  }

  deleteMany<T extends Row>(collection: Collection<T>, filter: Filter<T>): void {
    this.#write(collection, { name: "deleteMany", filter });
  }

  deleteByIds<T extends Row>(collection: Collection<T>, ids: readonly T["_id"][]): void {
    if (ids.length > 0) this.deleteMany(collection, { _id: { $in: ids } } as Filter<T>);
  }

  /** Sends what was held back. */
  async flush(): Promise<void> {
    if (this.#writes.length === 0) return;
    const writes = this.#writes;
    this.#writes = [];
    this.#dirty.clear();
    // A transaction that begins with this command is refused by some servers that are compatible otherwise.
    if (!this.#hasRead) await this.find(this.connection.rows.meta, { _id: "schema" });
    if (this.connection.hasClientBulkWrite) {
      await this.connection.client.bulkWrite(writes, { session: this.session, ordered: true });
    } else {
      await this.#writeByCollection(writes);
    }
  }

  #write<T extends Row>(collection: Collection<T>, model: Record<string, unknown> & { name: string }): void {
    this.hasWritten = true;
    this.#dirty.add(collection.collectionName);
    this.#writes.push({ namespace: collection.namespace, ...model } as AnyClientBulkWriteModel<Document>);
  }

  /** Before version 8.0 a bulk write has one collection. The order within each collection is all that counts. */
  async #writeByCollection(writes: readonly AnyClientBulkWriteModel<Document>[]): Promise<void> {
    const byCollection = new Map<string, AnyBulkWriteOperation<Document>[]>();
    for (const { namespace, name, ...rest } of writes) {
      const list = byCollection.get(namespace) ?? [];
      byCollection.set(namespace, list);
      list.push({ [name]: rest } as unknown as AnyBulkWriteOperation<Document>);
    }
    const { db } = this.connection;
    for (const [namespace, operations] of byCollection) {
      const collection = db.collection(namespace.slice(db.databaseName.length + 1));
      await collection.bulkWrite(operations, { session: this.session, ordered: true });
    }
  }
}

/** More rows than any step asks for without a limit: the first answer carries all that fit into a message. */
const WHOLE = 1_000_000;
