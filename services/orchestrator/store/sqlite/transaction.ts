import type { DatabaseSync } from "node:sqlite";
import { groupIndex } from "../../domain/records.ts";
import type { StoreTransaction, WriteSet } from "../store.ts";
import { CacheTable } from "./cache-values.ts";
import { ChangeTable } from "./changes.ts";
import { ClaimQuery } from "./claim.ts";
import { ClusterTable } from "./clusters.ts";
import { JobDeletion } from "./delete-job.ts";
import { GroupTable } from "./groups.ts";
import { JobKeys } from "./job-keys.ts";
import { JobTable } from "./jobs.ts";
import { KeyMap } from "./key-map.ts";
import { PartTable } from "./parts.ts";
import { QueueTable } from "./queues.ts";
import { SessionTable } from "./sessions.ts";
import { TaskTable } from "./tasks.ts";
import { WorkTable } from "./work.ts";

/** All tables of the writing connection. */
export class Tables {
  readonly keys: JobKeys;
  readonly jobs: JobTable;
  readonly tasks: TaskTable;
  readonly groups: GroupTable;
  readonly sessions: SessionTable;
  readonly queues: QueueTable;
  readonly changes: ChangeTable;
  readonly work: WorkTable;
  readonly parts: PartTable;
  readonly clusters: ClusterTable;
  readonly cache: CacheTable;
  readonly claims: ClaimQuery;
  readonly deletion: JobDeletion;

  constructor(db: DatabaseSync) {
    this.keys = new JobKeys(db);
    this.jobs = new JobTable(db, this.keys);
    this.tasks = new TaskTable(db, this.keys, new KeyMap(db, "task"));
    this.groups = new GroupTable(db, this.keys);
    this.sessions = new SessionTable(db);
    this.queues = new QueueTable(db);
    this.changes = new ChangeTable(db, this.keys);
    this.work = new WorkTable(db);
    this.parts = new PartTable(db);
    this.clusters = new ClusterTable(db);
    this.cache = new CacheTable(db);
    this.claims = new ClaimQuery(db, this.tasks);
    this.deletion = new JobDeletion(db, this);
  }

  /** After a rollback: what was cached may never have been written. */
  forgetAll(): void {
    this.jobs.forgetAll();
    this.tasks.forgetAll();
    this.groups.forgetAll();
  }
}

/** What a transaction's body is given. Everything is synchronous; the promises are resolved already. */
export function createTransaction(tables: Tables): StoreTransaction {
  const { jobs, tasks, groups, sessions, queues, work, parts, clusters, cache, claims } = tables;
  return {
    loadTasks: async (ids) => tasks.load(ids),
    loadInputs: async (taskIds) => tasks.inputs(taskIds),
    loadGroups: async (ids) => groups.load(ids),
    loadJobs: async (ids) => jobs.load(ids),
    loadSessions: async (ids) => sessions.load(ids),
    loadJobsByIdempotencyKey: async (keys) => jobs.loadByIdempotencyKey(keys),
    internQueues: async (keys) => queues.intern(keys),
    loadQueues: async (ids) => queues.load(ids),
    loadClusters: async (slugs) => clusters.load(slugs),
    claimCandidates: async (request) => {
      const found = claims.candidates(request);
      return { tasks: found, isAll: found.length < request.limit };
    },
    tasksOfSessions: async (ids, afterId, limit) => tasks.ofSessions(ids, afterId, limit),
    failedTasksOfJob: async (jobId, afterId, limit) => tasks.failedOfJob(jobId, afterId, limit),
    runningTasksOfJob: async (jobId, limit) => tasks.runningOfJob(jobId, limit),
    blockedTasksOfGroup: async (groupId, limit) => {
      const [group] = groups.load([groupId]);
      if (group === undefined) return [];
      return tasks.blockedOfGroup(group.jobId, group.parentId, groupIndex(groupId), limit);
    },
    scanJob: async (jobId, cursor, limit) => tasks.scan(jobId, undefined, cursor, limit),
    scanChildren: async (jobId, parentId, cursor, limit) => tasks.scan(jobId, parentId, cursor, limit),
    expiredSessions: async (now, limit) => sessions.expired(now, limit),
    overdueTasks: async (now, limit) => tasks.overdue(now, limit),
    dueTasks: async (now, limit) => tasks.due(now, limit),
    nextTimes: async () => tasks.nextTimes(),
    endedJobs: async (before, limit) => jobs.ended(before, limit),
    workItems: async (limit) => work.oldest(limit),
    stagedParts: async (taskId, leaseToken) => parts.staged(taskId, leaseToken),
    loadPart: async (taskId, leaseToken, number) => parts.payload(taskId, leaseToken, number),
    clusterInUse: async (slug) => queues.isBusy(slug) || tasks.hasParked(slug) || sessions.existIn(slug),
    loadCacheValue: async (jobId, key) => cache.find(jobId, key),
    cacheValuesBelow: async (jobId, prefix, limit) => cache.below(jobId, prefix, limit),
    loadUploads: async (valueIds) => cache.uploads(valueIds),
    abandonedUploads: async (before, limit) => cache.abandoned(before, limit),
    deleteJobSlice: async (jobId, limit) => tables.deletion.deleteSlice(jobId, limit),
    write: async (changes) => write(tables, changes),
  };
}

/**
 * Each list goes to its table. Inserts come before updates. Guards and wake-ups need nothing: steps run one after another, and nobody else has the
 * database open.
 */
function write(tables: Tables, changes: WriteSet): void {
  const { jobs, tasks, groups, sessions, queues, work, parts, clusters, cache } = tables;
  if (changes.insertJobs !== undefined) jobs.insert(changes.insertJobs);
  if (changes.insertGroups !== undefined) groups.insert(changes.insertGroups);
  if (changes.insertTasks !== undefined) tasks.insert(changes.insertTasks);
  if (changes.updateJobs !== undefined) jobs.update(changes.updateJobs);
  if (changes.updateGroups !== undefined) groups.update(changes.updateGroups);
  if (changes.updateTasks !== undefined) tasks.update(changes.updateTasks);
  if (changes.putSessions !== undefined) sessions.put(changes.putSessions);
  if (changes.extendSessions !== undefined) sessions.extend(changes.extendSessions);
  if (changes.deleteSessions !== undefined) sessions.delete(changes.deleteSessions);
  if (changes.queueDeltas !== undefined) queues.add(changes.queueDeltas);
  if (changes.appendChanges !== undefined) tables.changes.append(changes.appendChanges);
  if (changes.putWork !== undefined) work.put(changes.putWork);
  if (changes.deleteWork !== undefined) work.delete(changes.deleteWork);
  if (changes.putParts !== undefined) parts.put(changes.putParts);
  if (changes.deleteParts !== undefined) parts.delete(changes.deleteParts);
  if (changes.putClusters !== undefined) clusters.put(changes.putClusters);
  if (changes.deleteClusters !== undefined) clusters.delete(changes.deleteClusters);
  if (changes.beginUploads !== undefined) cache.begin(changes.beginUploads);
  if (changes.putChunks !== undefined) cache.putChunks(changes.putChunks);
  if (changes.finishUploads !== undefined) cache.finish(changes.finishUploads);
  if (changes.deleteCacheValues !== undefined) cache.delete(changes.deleteCacheValues);
  if (changes.abortUploads !== undefined) cache.abort(changes.abortUploads);
}
