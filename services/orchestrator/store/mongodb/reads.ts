import { type StoreReads, StoreUnavailable } from "../store.ts";
import { CacheReader } from "./cache-values.ts";
import { ChangeReader } from "./changes.ts";
import { readClusters } from "./clusters.ts";
import type { Connection } from "./database.ts";
import { translateError } from "./errors.ts";
import { readGroups } from "./groups.ts";
import { JobReader } from "./job-reader.ts";
import { readJobs } from "./jobs.ts";
import { readQueues } from "./queues.ts";
import { SessionReader } from "./sessions.ts";
import { TaskReader } from "./task-reader.ts";
import { within } from "./within.ts";

/** A read that was tried again for as long as the patience lasts is waited for a little longer. */
const LAST_ANSWER_MS = 3_000;

/** Reads of committed state, outside of any transaction. Who asks is answered within the patience, and a little, whatever the database does. */
export function createReads(connection: Connection, patienceMs: number, isClosed: () => boolean): StoreReads {
  const { rows, db } = connection;
  const tasks = new TaskReader(connection);
  const jobs = new JobReader(connection);
  const changes = new ChangeReader(connection);
  const sessions = new SessionReader(connection);
  const cache = new CacheReader(connection);

  async function read<T>(body: () => Promise<T>): Promise<T> {
    if (isClosed()) throw new StoreUnavailable("the store is closed");
    try {
      const answer = body();
      if (await within(patienceMs + LAST_ANSWER_MS, answer)) return await answer;
      throw new StoreUnavailable("MongoDB does not answer");
    } catch (error) {
      throw translateError(error);
    }
  }

  return {
    job: (id) =>
      read(async () => {
        const row = await rows.job.findOne({ _id: id });
        return row === null ? null : ((await readJobs(connection, [row]))[0] ?? null);
      }),
    listJobs: (filter, page) => read(() => jobs.list(filter, page)),
    task: (id) => read(() => tasks.find(id)),
    tasks: (ids) => read(() => tasks.findAll(ids)),
    listTasks: (filter, page) => read(() => tasks.list(filter, page)),
    groups: (ids) => read(() => readGroups(connection, ids)),
    listChanges: (jobId, after, limit) => read(() => changes.behind(jobId, after, limit)),
    listSessions: (cluster, page) => read(() => sessions.list(cluster, page)),
    queues: () => read(() => readQueues(rows)),
    clusters: () => read(() => readClusters(rows)),
    cacheValue: (jobId, key) => read(() => cache.find(jobId, key)),
    listCacheValues: (filter, page) => read(() => cache.list(filter, page)),
    cacheChunk: (valueId, index) => read(() => cache.chunk(valueId, index)),
    storeStats: () =>
      read(async () => {
        const stats = await db.command({ dbStats: 1 });
        return { sizeBytes: Number(stats.totalSize ?? Number(stats.storageSize) + Number(stats.indexSize)) };
      }),
  };
}
