import type { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { type Page, type PageRequest, type StoreReads, StoreUnavailable } from "../store.ts";
import { CacheReader } from "./cache-values.ts";
import { ChangeReader } from "./changes.ts";
import { ClusterReader } from "./clusters.ts";
import { translateError } from "./errors.ts";
import { GroupReader } from "./groups.ts";
import { JobReader } from "./job-reader.ts";
import { command, query } from "./query.ts";
import { QueueReader } from "./queues.ts";
import { SessionReader } from "./sessions.ts";
import { TaskReader } from "./task-reader.ts";

/** Reads of committed state, on a connection of their own. */
export function createReads(db: DatabaseSync): StoreReads {
  const jobs = new JobReader(db);
  const tasks = new TaskReader(db);
  const groups = new GroupReader(db, tasks.keys.jobs);
  const changes = new ChangeReader(db);
  const sessions = new SessionReader(db);
  const cache = new CacheReader(db);
  const queues = new QueueReader(db);
  const clusters = new ClusterReader(db);
  const begin = command(db, "BEGIN");
  const end = command(db, "COMMIT");
  const size = query<[number]>(db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");

  /** Several reads of one call see the same state. */
  async function read<T>(body: () => T): Promise<T> {
    if (!db.isOpen) throw new StoreUnavailable("the store is closed");
    try {
      begin.run();
      try {
        return body();
      } finally {
        end.run();
      }
    } catch (error) {
      throw translateError(error);
    }
  }

  return {
    job: (id) => read(() => jobs.find(id)?.job ?? null),
    listJobs: (filter, page) => fillPage(page, (rest) => read(() => jobs.list(filter, rest))),
    task: (id) => read(() => tasks.find(id)),
    tasks: (ids) => read(() => tasks.findAll(ids)),
    listTasks: (filter, page) => fillPage(page, (rest) => read(() => tasks.list(filter, rest))),
    groups: (ids) => read(() => ids.flatMap((id) => groups.find(id) ?? [])),
    listChanges: (jobId, after, limit) =>
      read(() => {
        const found = jobs.find(jobId);
        return found === null ? [] : changes.behind(found.key, found.job, after, limit);
      }),
    listSessions: (cluster, page) => read(() => sessions.list(cluster, page)),
    queues: () => read(() => queues.all()),
    clusters: () => read(() => clusters.all()),
    cacheValue: (jobId, key) => read(() => cache.find(jobId, key)),
    listCacheValues: (filter, page) => read(() => cache.list(filter, page)),
    cacheChunk: (valueId, index) => read(() => cache.chunk(valueId, index)),
    storeStats: () => read(() => ({ sizeBytes: size.get()?.[0] ?? 0 })),
  };
}

/** Puts a page together from lists that stop early when a filter matches little, and lets others have their turn in between. */
async function fillPage<T>(page: PageRequest, load: (rest: PageRequest) => Promise<Page<T>>): Promise<Page<T>> {
  const items: T[] = [];
  let after = page.after;
  for (;;) {
    const found = await load({ limit: page.limit - items.length, after });
    items.push(...found.items);
    if (found.next === null || items.length >= page.limit) return { items, next: found.next };
    after = found.next;
    await setImmediate();
  }
}
