import type { StoreTransaction, Wakeup, WriteSet } from "../store.ts";
import { CacheTable } from "./cache-values.ts";
import { ClaimQuery, type ClaimShare } from "./claim.ts";
import { ClusterTable } from "./clusters.ts";
import { deleteJobSlice } from "./delete-job.ts";
import { GroupTable } from "./groups.ts";
import { JobTable } from "./jobs.ts";
import { PartTable } from "./parts.ts";
import { QueueTable } from "./queues.ts";
import { SessionTable } from "./sessions.ts";
import type { Step } from "./step.ts";
import { TaskTable } from "./tasks.ts";
import { WorkTable } from "./work.ts";

/** What steps of one store share. */
export interface StoreMemory {
  /** Rows of queues' numbers that are known to exist. */
  readonly counted: Set<string>;
  /** Ascending times for work items. */
  nextTouch(): number;
}

/** What a transaction's body is given, and what is left to be told when it has been committed. */
export interface OpenTransaction {
  readonly tx: StoreTransaction;
  wakeup(): Wakeup | null;
}

export function createTransaction(step: Step, memory: StoreMemory, claimShare: () => ClaimShare): OpenTransaction {
  const queues = new QueueTable(step, memory.counted);
  const tasks = new TaskTable(step, queues);
  const jobs = new JobTable(step);
  const groups = new GroupTable(step);
  const sessions = new SessionTable(step);
  const work = new WorkTable(step, memory.nextTouch);
  const parts = new PartTable(step);
  const clusters = new ClusterTable(step);
  const cache = new CacheTable(step);
  const tables = { queues, tasks, jobs, groups, sessions, work, parts, clusters, cache };
  let wakeup: Wakeup | null = null;

  const tx: StoreTransaction = {
    loadTasks: (ids) => tasks.load(ids),
    loadInputs: (ids) => tasks.inputs(ids),
    loadGroups: (ids) => groups.load(ids),
    loadJobs: (ids) => jobs.load(ids),
    loadSessions: (ids) => sessions.load(ids),
    loadJobsByIdempotencyKey: (keys) => jobs.loadByIdempotencyKey(keys),
    internQueues: (keys) => queues.intern(keys),
    loadQueues: (ids) => queues.load(ids),
    loadClusters: (slugs) => clusters.load(slugs),
    claimCandidates: (request) => new ClaimQuery(step, tasks, claimShare()).candidates(request),
    tasksOfSessions: (ids, afterId, limit) => tasks.ofSessions(ids, afterId, limit),
    failedTasksOfJob: (jobId, afterId, limit) => tasks.failedOfJob(jobId, afterId, limit),
    runningTasksOfJob: (jobId, limit) => tasks.runningOfJob(jobId, limit),
    blockedTasksOfGroup: (groupId, limit) => tasks.blockedOfGroup(groupId, limit),
    scanJob: (jobId, cursor, limit) => tasks.scan(jobId, undefined, cursor, limit),
    scanChildren: (jobId, parentId, cursor, limit) => tasks.scan(jobId, parentId, cursor, limit),
    expiredSessions: (now, limit) => sessions.expired(now, limit),
    overdueTasks: (now, limit) => tasks.overdue(now, limit),
    dueTasks: (now, limit) => tasks.due(now, limit),
    nextTimes: () => tasks.nextTimes(),
    endedJobs: (before, limit) => jobs.ended(before, limit),
    workItems: (limit) => work.oldest(limit),
    stagedParts: (taskId, leaseToken) => parts.staged(taskId, leaseToken),
    loadPart: (taskId, leaseToken, number) => parts.payload(taskId, leaseToken, number),
    clusterInUse: async (slug) =>
      (await queues.isBusy(slug)) ||
      (await tasks.hasParked(await queues.idsOf(slug))) ||
      (await sessions.existIn(slug)),
    loadCacheValue: (jobId, key) => cache.find(jobId, key),
    cacheValuesBelow: (jobId, prefix, limit) => cache.below(jobId, prefix, limit),
    loadUploads: (valueIds) => cache.uploads(valueIds),
    abandonedUploads: (before, limit) => cache.abandoned(before, limit),
    deleteJobSlice: (jobId, limit) => deleteJobSlice(step, jobId, limit),
    async write(changes) {
      await write(tables, changes);
      wakeup = changes.wakeup ?? wakeup;
    },
  };
  return { tx, wakeup: () => wakeup };
}

interface Tables {
  readonly queues: QueueTable;
  readonly tasks: TaskTable;
  readonly jobs: JobTable;
  readonly groups: GroupTable;
  readonly sessions: SessionTable;
  readonly work: WorkTable;
  readonly parts: PartTable;
  readonly clusters: ClusterTable;
  readonly cache: CacheTable;
}

/** Each list goes to its table. Inserts come before updates. */
async function write(tables: Tables, changes: WriteSet): Promise<void> {
  const { jobs, tasks, groups, sessions, queues, work, parts, clusters, cache } = tables;
  if (changes.insertGroups !== undefined) groups.insert(changes.insertGroups);
  if (changes.insertTasks !== undefined) tasks.insert(changes.insertTasks);
  await jobs.write(changes.insertJobs ?? [], changes.updateJobs ?? [], changes.appendChanges ?? []);
  if (changes.updateGroups !== undefined) await groups.update(changes.updateGroups);
  if (changes.updateTasks !== undefined) tasks.update(changes.updateTasks);
  if (changes.guardTasks !== undefined) tasks.guard(changes.guardTasks);
  if (changes.putSessions !== undefined) sessions.put(changes.putSessions);
  if (changes.extendSessions !== undefined) sessions.extend(changes.extendSessions);
  if (changes.deleteSessions !== undefined) sessions.delete(changes.deleteSessions);
  if (changes.guardSessions !== undefined) sessions.guard(changes.guardSessions);
  if (changes.queueDeltas !== undefined) queues.add(changes.queueDeltas);
  if (changes.putWork !== undefined) work.put(changes.putWork);
  if (changes.deleteWork !== undefined) work.delete(changes.deleteWork);
  if (changes.putParts !== undefined) parts.put(changes.putParts);
  if (changes.deleteParts !== undefined) await parts.delete(changes.deleteParts);
  if (changes.putClusters !== undefined) clusters.put(changes.putClusters);
  if (changes.deleteClusters !== undefined) await clusters.delete(changes.deleteClusters);
  if (changes.beginUploads !== undefined) cache.begin(changes.beginUploads);
  if (changes.putChunks !== undefined) cache.putChunks(changes.putChunks);
  if (changes.finishUploads !== undefined) await cache.finish(changes.finishUploads);
  if (changes.deleteCacheValues !== undefined) await cache.delete(changes.deleteCacheValues);
  if (changes.abortUploads !== undefined) await cache.abort(changes.abortUploads);
}
