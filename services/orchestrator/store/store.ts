import type { JobState } from "../domain/job-state.ts";
import type {
  ClusterRecord,
  GroupRecord,
  JobRecord,
  QueueRecord,
  SessionRecord,
  TaskFailure,
  TaskRecord,
  TaskState,
  WorkItem,
} from "../domain/records.ts";

/**
 * The port to a database. A driver loads records, writes records and answers a few queries by index; it knows no rule of the state
 * machine. The contract suite in `contract/` says what a driver must do.
 *
 * Ids of jobs and of tasks ascend in the order in which one process inserts them, and a task's id is above its parent's, so "by id" and "in order of
 * submission" are the same order.
 *
 * Whoever calls `transact` may call it from several places at once; the driver runs the bodies one after another or in isolation. A body must
 * await nothing but the transaction it was given, and may be run again when the database asks for a retry.
 */
export interface Store extends StoreReads {
  /**
   * `exclusive`: this is the only store that is open on its database. `shared`: there may be others, in other processes, and what this process
   * remembers of records may be out of date.
   */
  readonly sharing: "exclusive" | "shared";
  /**
   * Runs `body` as one serialisable step, provided that what it relies on beyond the records that it writes is named in `WriteSet.guard*`. When the promise resolves, what the body wrote is durable; when it rejects, nothing is
   * written. Throws `StoreUnavailable` when the database is away.
   */
  transact<T>(body: (tx: StoreTransaction) => Promise<T>): Promise<T>;
  /**
   * Calls `listener` when another process has committed something that others may act on, or may have (null: anything may have happened). A hint:
   * losing one costs only latency. Returns the unsubscriber.
   */
  onWakeup(listener: (wakeup: Wakeup | null) => void): () => void;
  /** Ends all use of the database: whatever is asked for afterwards throws `StoreUnavailable`. May be called again. */
  close(): Promise<void>;
}

/** The database cannot be reached or does not answer; nothing was acknowledged. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}

/** What one step leaves for others to act on. */
export interface Wakeup {
  /** Queues in which a task became claimable that the step did not claim itself. */
  readonly queueIds: readonly number[];
  /** Jobs that changed. */
  readonly jobIds: readonly string[];
  /** Those of them of which nothing runs or will run. Others may be over as well, when they ended in steps at the same time. */
  readonly overJobIds: readonly string[];
  /** Jobs that were canceled: runners of their running tasks are to be told. */
  readonly canceledJobIds: readonly string[];
}

/** Reads of committed state, outside of any transaction. Lists come in pages: `after` is the `next` of the page before. */
export interface StoreReads {
  job(id: string): Promise<JobRecord | null>;
  /** Newest first. */
  listJobs(filter: JobFilter, page: PageRequest): Promise<Page<JobRecord>>;
  task(id: string): Promise<TaskRecord | null>;
  /** Parents before children; children of one parent by group, then in order of submission. */
  listTasks(filter: TaskFilter, page: PageRequest): Promise<Page<TaskWithInput>>;
  groups(ids: readonly string[]): Promise<GroupRecord[]>;
  /**
   * Entries behind a `position` (null: from the start), cause before effect; none is left out, none comes twice. On a shared store, entries of
   * different processes that did not see each other have no order: who reads while they are written may find them in another one than who reads
   * later from the same position. A position that this driver did not make gives nothing.
   */
  listChanges(jobId: string, after: string | null, limit: number): Promise<ChangeEntry[]>;
  tasks(ids: readonly string[]): Promise<TaskRecord[]>;
  /** By time of connection, then id. `running` is how many leases the session holds. */
  listSessions(cluster: string | null, page: PageRequest): Promise<Page<SessionWithRunning>>;
  queues(): Promise<QueueRecord[]>;
  clusters(): Promise<ClusterRecord[]>;
  cacheValue(jobId: string, key: string): Promise<CacheValueRecord | null>;
  /** In order of the key (by code point). */
  listCacheValues(filter: CacheFilter, page: PageRequest): Promise<CacheListing>;
  /** Chunk `index` of a value, or null behind the last one. */
  cacheChunk(valueId: string, index: number): Promise<Uint8Array | null>;
  /** For metrics: sizes that cost O(1) to know. */
  storeStats(): Promise<StoreStats>;
}

/** Loads and writes inside one step. Reads see what the same transaction wrote. Loads by id leave out what does not exist; the order is free. */
export interface StoreTransaction {
  loadTasks(ids: readonly string[]): Promise<TaskRecord[]>;
  /** By the task's id. */
  loadInputs(taskIds: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;
  loadGroups(ids: readonly string[]): Promise<GroupRecord[]>;
  loadJobs(ids: readonly string[]): Promise<JobRecord[]>;
  loadSessions(ids: readonly string[]): Promise<SessionRecord[]>;
  loadJobsByIdempotencyKey(keys: readonly string[]): Promise<JobRecord[]>;
  /** Returns the queues in the order asked, making those that do not exist. */
  internQueues(keys: readonly QueueKey[]): Promise<QueueRecord[]>;
  loadQueues(ids: readonly number[]): Promise<QueueRecord[]>;
  loadClusters(slugs: readonly string[]): Promise<ClusterRecord[]>;

  /**
   * Queued tasks that are due and not held, of any of these queues, in claim order: priority (higher first), job id (oldest first), depth (deepest
   * first), id. An index range per queue, merged: the cost depends on `limit` and the number of queues, never on the backlog.
   */
  claimCandidates(request: ClaimRequest): Promise<ClaimCandidates>;
  /** Tasks RUNNING under any of these sessions, by id, behind `afterId`. */
  tasksOfSessions(sessionIds: readonly string[], afterId: string | null, limit: number): Promise<TaskRecord[]>;
  /** FAILED tasks of a job, by id, behind `afterId`. */
  failedTasksOfJob(jobId: string, afterId: string | null, limit: number): Promise<TaskRecord[]>;
  /** RUNNING tasks of a job, in any order. */
  runningTasksOfJob(jobId: string, limit: number): Promise<TaskRecord[]>;
  /** BLOCKED tasks of a group, in order of submission. */
  blockedTasksOfGroup(groupId: string, limit: number): Promise<TaskRecord[]>;
  /** Tasks of a job, parents before children, as `listTasks`. Any state. */
  scanJob(jobId: string, cursor: string | null, limit: number): Promise<Scan>;
  /** Children of one task (of the root when `parentId` is null), by group and order of submission. Any state. */
  scanChildren(jobId: string, parentId: string | null, cursor: string | null, limit: number): Promise<Scan>;

  /** Sessions with `expiresAt` ≤ now, the longest expired first. */
  expiredSessions(now: number, limit: number): Promise<SessionRecord[]>;
  /** RUNNING tasks with `deadlineAt` ≤ now. */
  overdueTasks(now: number, limit: number): Promise<TaskRecord[]>;
  /** QUEUED tasks with 0 < `availableAt` ≤ now, whether held or not. */
  dueTasks(now: number, limit: number): Promise<TaskRecord[]>;
  /** The smallest `availableAt` above 0 and the smallest `deadlineAt`, or null. */
  nextTimes(): Promise<{ readonly dueAt: number | null; readonly deadlineAt: number | null }>;
  /** Jobs that are not OPEN with `endedAt` ≤ before, the oldest first. */
  endedJobs(before: number, limit: number): Promise<JobRecord[]>;
  /** Work items, those untouched for longest first. */
  workItems(limit: number): Promise<WorkItem[]>;

  /** What is staged for one attempt: parts in order of their number, without payloads. */
  stagedParts(taskId: string, leaseToken: string): Promise<PartHeader[]>;
  /** One part's payload, or null. */
  loadPart(taskId: string, leaseToken: string, number: number): Promise<Uint8Array | null>;
  /** Whether the queue has RUNNING, BLOCKED or QUEUED tasks, or the cluster has sessions. */
  clusterInUse(slug: string): Promise<boolean>;
  loadCacheValue(jobId: string, key: string): Promise<CacheValueRecord | null>;
  /** Up to `limit` values of a job with keys that begin with `prefix`. */
  cacheValuesBelow(jobId: string, prefix: string, limit: number): Promise<CacheValueRecord[]>;
  /** Those of these uploads that are in progress. */
  loadUploads(valueIds: readonly string[]): Promise<string[]>;
  /** Uploads begun or gone on with before `before` that were never finished. */
  abandonedUploads(before: number, limit: number): Promise<string[]>;
  /** Deletes up to `limit` rows of everything that belongs to a job, the job itself last. Returns whether nothing is left. */
  deleteJobSlice(jobId: string, limit: number): Promise<boolean>;

  /** Applies all of it. Inserts come before updates; an insert of an id that exists is an error (a throw). */
  write(changes: WriteSet): Promise<void>;
}

/** Everything that one step may write. A driver turns each list into one bulk write where it can. */
export interface WriteSet {
  /**
   * Tasks that the step has read and relies on without changing them: another step that changes one comes wholly before or wholly after it. Jobs
   * need no guard: whoever changes a task is ordered against whoever changes the status of its job.
   */
  readonly guardTasks?: readonly string[];
  /** The same for sessions: a session that is granted something must not be given up at the same time. */
  readonly guardSessions?: readonly string[];
  readonly insertJobs?: readonly JobRecord[];
  /** What says where a job came from (name to `submittedAt`, without the status) never changes and need not be written again. */
  readonly updateJobs?: readonly JobRecord[];
  readonly insertGroups?: readonly GroupRecord[];
  readonly updateGroups?: readonly GroupRecord[];
  readonly insertTasks?: readonly TaskWithInput[];
  /** The first part of a task's record, up to `createdAt`, never changes and need not be written again. */
  readonly updateTasks?: readonly TaskRecord[];
  /** Inserted, or replaced. */
  readonly putSessions?: readonly SessionRecord[];
  /** New expiry for sessions whose epoch still is the given one; the others are left alone. */
  readonly extendSessions?: readonly { readonly id: string; readonly epoch: number; readonly expiresAt: number }[];
  readonly deleteSessions?: readonly string[];
  /** Added to a queue's numbers. */
  readonly queueDeltas?: readonly { readonly queueId: number; readonly queued: number; readonly running: number }[];
  /** Inserted, or replaced (the item counts as touched now). */
  readonly putWork?: readonly WorkItem[];
  readonly deleteWork?: readonly string[];
  /** Appended to the jobs' change logs, behind everything that this step can see there. */
  readonly appendChanges?: readonly NewChangeEntry[];
  /** A part with the same task, token and number is left as it is. */
  readonly putParts?: readonly Part[];
  /** All parts of these attempts; without a token, of all attempts of the task. */
  readonly deleteParts?: readonly { readonly taskId: string; readonly leaseToken?: string; readonly number?: number }[];
  readonly putClusters?: readonly ClusterRecord[];
  readonly deleteClusters?: readonly string[];
  /** An upload in progress, begun or gone on with at `startedAt`; its chunks belong to no value yet. */
  readonly beginUploads?: readonly { readonly valueId: string; readonly jobId: string; readonly startedAt: number }[];
  readonly putChunks?: readonly { readonly valueId: string; readonly index: number; readonly data: Uint8Array }[];
  /** Makes the upload `id` the value of (jobId, key); what was there before is deleted with its chunks. */
  readonly finishUploads?: readonly CacheValueRecord[];
  readonly deleteCacheValues?: readonly { readonly jobId: string; readonly key: string; readonly valueId: string }[];
  readonly abortUploads?: readonly string[];
  /** What the other stores on the database are told once this is committed. */
  readonly wakeup?: Wakeup;
}

export interface TaskWithInput {
  readonly task: TaskRecord;
  /** Empty when it was not asked for. */
  readonly input: Uint8Array;
}

export interface QueueKey {
  readonly cluster: string;
  readonly name: string;
  readonly major: number;
  readonly minor: number;
}

/** Where to go on in the claim order: behind all tasks of this job with this priority. */
export interface ClaimPosition {
  readonly priority: number;
  readonly jobId: string;
}

export interface ClaimRequest {
  readonly queueIds: readonly number[];
  readonly after: ClaimPosition | null;
  readonly limit: number;
}

export interface ClaimCandidates {
  /** In claim order. A store that others share may leave some to them, and so return fewer than there are. */
  readonly tasks: readonly TaskWithInput[];
  /** Whether nothing is left behind the position but these. */
  readonly isAll: boolean;
  /** There are no more because others are to have what else there is: when to look again, unless something is queued before, in milliseconds. */
  readonly leftForMs?: number;
}

export interface Scan {
  readonly tasks: readonly TaskRecord[];
  /** Where to go on; null: this was the end. */
  readonly next: string | null;
}

export interface PageRequest {
  readonly limit: number;
  /** The `next` of the page before; null: the first page. An `after` that this driver did not make gives an empty page. */
  readonly after: string | null;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface JobFilter {
  /** States as users see them (`domain/job-state.ts`). Empty: all. */
  readonly states: readonly JobState[];
  /** Case does not matter. Empty: all. */
  readonly nameContains: string;
  /** The first millisecond that counts; null: no bound. */
  readonly submittedFrom: number | null;
  /** The first millisecond that no longer counts; null: no bound. */
  readonly submittedUntil: number | null;
  readonly cluster: string | null;
}

export interface TaskFilter {
  readonly jobId: string;
  /** undefined: the whole job; null: root tasks. */
  readonly parentId?: string | null;
  /** Empty: all. */
  readonly states: readonly TaskState[];
  readonly includeInput: boolean;
}

/** One task's step in the change log. */
export interface TaskChangeEntry {
  readonly taskId: string;
  readonly state: TaskState;
  readonly attempt: number;
  /** Set in the entry that creates the task. */
  readonly created?: { readonly parentId: string | null; readonly queueId: number; readonly group: number };
  /** Set when created and when changed. */
  readonly display?: string;
  /** Set when this step is a failure. */
  readonly error?: TaskFailure;
}

export interface NewChangeEntry {
  readonly jobId: string;
  /** The job after the step. */
  readonly job: JobRecord;
  readonly tasks: readonly TaskChangeEntry[];
}

export interface ChangeEntry extends NewChangeEntry {
  /** Opaque. Where a reader stands who has seen this entry and all before it. */
  readonly position: string;
}

export interface PartHeader {
  readonly taskId: string;
  readonly leaseToken: string;
  readonly number: number;
  /** What the engine needs to know without reading the payload; opaque to the driver. */
  readonly summary: string;
}

export interface Part extends PartHeader {
  readonly payload: Uint8Array;
}

export interface SessionWithRunning {
  readonly session: SessionRecord;
  readonly running: number;
}

export interface CacheValueRecord {
  readonly valueId: string;
  readonly jobId: string;
  readonly key: string;
  readonly size: number;
  readonly writtenAt: number;
}

export interface CacheFilter {
  readonly jobId: string;
  readonly prefix: string;
  /** Do not list keys with a slash behind the prefix; list their group once instead. */
  readonly directOnly: boolean;
}

export interface CacheListing {
  readonly values: readonly CacheValueRecord[];
  /** Full prefixes, each ending in a slash. */
  readonly groups: readonly string[];
  readonly next: string | null;
}

export interface StoreStats {
  readonly sizeBytes: number;
}
