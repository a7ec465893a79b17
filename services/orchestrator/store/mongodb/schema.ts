import { type CreateIndexesOptions, type Db, type IndexSpecification, MongoServerError } from "mongodb";
import { StoreUnavailable } from "../store.ts";
import { COLLECTIONS, type Rows } from "./rows.ts";

type Migration = (db: Db) => Promise<void>;

interface Index {
  readonly collection: string;
  readonly name: string;
  readonly key: IndexSpecification;
  readonly options?: CreateIndexesOptions;
}

/** Only rows in which the field has a value: a missing field is in no such index. */
const hasNumber = (field: string): CreateIndexesOptions => ({ partialFilterExpression: { [field]: { $gt: -1 } } });
const hasText = (field: string): CreateIndexesOptions => ({ partialFilterExpression: { [field]: { $gt: "" } } });

const FIRST_INDEXES: readonly Index[] = [
  // The claim order of one queue, and nothing but what may be claimed. The last field lets a process pass over the parts of others without
  // reading their rows.
  {
    collection: "task",
    name: "task_ready",
    key: { ready: 1, priority: -1, job: 1, depth: -1, _id: 1, part: 1 },
    options: hasNumber("ready"),
  },
  { collection: "task", name: "task_tree", key: { job: 1, parent: 1, group: 1, _id: 1 } },
  { collection: "task", name: "task_running", key: { running: 1, _id: 1 }, options: hasText("running") },
  { collection: "task", name: "task_running_of_job", key: { job: 1, running: 1 }, options: hasText("running") },
  { collection: "task", name: "task_deadline", key: { deadline: 1 }, options: hasNumber("deadline") },
  { collection: "task", name: "task_due", key: { due: 1 }, options: hasNumber("due") },
  { collection: "task", name: "task_blocked", key: { blocked: 1, _id: 1 }, options: hasText("blocked") },
  { collection: "task", name: "task_parked", key: { parked: 1 }, options: hasNumber("parked") },
  {
    collection: "task",
    name: "task_failed",
    key: { job: 1, _id: 1 },
    options: { partialFilterExpression: { state: 5 } },
  },
  { collection: "job", name: "job_by_idempotency_key", key: { key: 1 }, options: { ...hasText("key"), unique: true } },
  { collection: "job", name: "job_by_end", key: { ended: 1 }, options: hasNumber("ended") },
  {
    collection: "queue",
    name: "queue_by_key",
    key: { cluster: 1, name: 1, major: 1, minor: 1 },
    options: { unique: true },
  },
  { collection: "queue_count", name: "count_by_queue", key: { queue: 1 } },
  { collection: "session", name: "session_by_expiry", key: { expires: 1 } },
  { collection: "session", name: "session_by_connection", key: { connected: 1, _id: 1 } },
  { collection: "session", name: "session_by_cluster", key: { cluster: 1, connected: 1, _id: 1 } },
  { collection: "work", name: "work_by_touch", key: { touched: 1 } },
  { collection: "work", name: "work_by_job", key: { job: 1 } },
  // For the deletion of a job.
  { collection: "group", name: "group_by_job", key: { job: 1 } },
  { collection: "part", name: "part_by_attempt", key: { task: 1, token: 1, number: 1, slice: 1 } },
  { collection: "cache_chunk", name: "chunk_by_value", key: { value: 1 } },
  { collection: "upload", name: "upload_by_start", key: { started: 1 } },
  { collection: "upload", name: "upload_by_job", key: { job: 1 } },
];

/**
 * Numbered by position, from 1. Append only: a released step never changes. Each may run on several processes at once and beside others that know
 * only the steps before it, so it adds collections, indexes and fields that those do without, and never takes away or renames anything.
 */
const MIGRATIONS: readonly Migration[] = [
  async (db) => {
    const existing = new Set((await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name));
    // Before they are used: a transaction would have to wait for the making of a collection.
    for (const name of COLLECTIONS) if (!existing.has(name)) await createCollection(db, name);
    for (const { collection, name, key, options } of FIRST_INDEXES) {
      await db.collection(collection).createIndex(key, { ...options, name });
    }
  },
];

/** The version that this code writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

const NAMESPACE_EXISTS = 48;

async function createCollection(db: Db, name: string): Promise<void> {
  try {
    await db.createCollection(name);
  } catch (error) {
    // Another process that starts at the same time was first.
    if (!(error instanceof MongoServerError) || error.code !== NAMESPACE_EXISTS) throw error;
  }
}

/**
 * Brings the schema up to date. Throws `StoreUnavailable` for a database that has collections of something else, and for one that a later version
 * has written.
 */
export async function migrate(db: Db, rows: Rows): Promise<void> {
  const version = (await rows.meta.findOne({ _id: "schema" }))?.version ?? 0;
  if (version > SCHEMA_VERSION) {
    throw new StoreUnavailable(
      `the database has schema version ${version}; this orchestrator knows versions up to ${SCHEMA_VERSION}`,
    );
  }
  if (version === 0) await refuseForeign(db);
  for (const [index, step] of MIGRATIONS.entries()) {
    if (index < version) continue;
    await step(db);
    await rows.meta.updateOne({ _id: "schema" }, { $max: { version: index + 1 } }, { upsert: true });
  }
}

async function refuseForeign(db: Db): Promise<void> {
  const ours = new Set<string>(COLLECTIONS);
  const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);
  const foreign = names.filter((name) => !ours.has(name) && !name.startsWith("system."));
  if (foreign.length === 0) return;
  throw new StoreUnavailable(
    `the database ${JSON.stringify(db.databaseName)} belongs to another program (it has a collection ${JSON.stringify(foreign[0])}); ` +
      "give Taskgrove a database of its own",
  );
}
