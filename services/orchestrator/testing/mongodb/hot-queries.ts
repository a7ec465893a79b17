import type { Store, StoreReads, StoreTransaction } from "../../store/store.ts";
import { SOME_TIME } from "../records.ts";

/** Ids of what is stored where the queries are asked. */
export interface StoredIds {
  readonly job: string;
  /** A job that has ended. */
  readonly endedJob: string;
  readonly session: string;
  readonly tasks: readonly string[];
}

/** Asks a store for something. */
export type HotQuery = (store: Store, ids: StoredIds) => Promise<unknown>;

const inside =
  (body: (tx: StoreTransaction, ids: StoredIds) => Promise<unknown>): HotQuery =>
  (store, ids) =>
    store.transact((tx) => body(tx, ids));
const reads = (body: (store: StoreReads, ids: StoredIds) => Promise<unknown>): HotQuery => body;
const page = { limit: 50, after: null };

/** What an orchestrator asks its store for with every batch, with every beat, or for a page that somebody looks at. */
export const HOT_QUERIES: Readonly<Record<string, HotQuery>> = {
  "a claim from one queue": inside((tx) => tx.claimCandidates({ queueIds: [1], after: null, limit: 100 })),
  "a claim from several queues": inside((tx) => tx.claimCandidates({ queueIds: [1, 2, 3], after: null, limit: 100 })),
  "a claim behind a job": inside((tx) =>
    tx.claimCandidates({ queueIds: [1], after: { priority: 1, jobId: "job" }, limit: 100 }),
  ),
  "tasks by id": inside((tx, { tasks }) => tx.loadTasks(tasks)),
  "inputs by id": inside((tx, { tasks }) => tx.loadInputs(tasks)),
  "jobs by id": inside((tx, { job }) => tx.loadJobs([job])),
  "groups by id": inside((tx, { job }) => tx.loadGroups([`${job}.0`])),
  "sessions by id": inside((tx, { session }) => tx.loadSessions([session])),
  "jobs by idempotency key": inside((tx) => tx.loadJobsByIdempotencyKey(["some key", "other"])),
  "leases of a session": inside((tx, { session }) => tx.tasksOfSessions([session], null, 10)),
  "leases of several sessions": inside((tx, { session }) => tx.tasksOfSessions([session, "other"], null, 10)),
  "running tasks of a job": inside((tx, { job }) => tx.runningTasksOfJob(job, 10)),
  "failed tasks of a job": inside((tx, { job }) => tx.failedTasksOfJob(job, null, 10)),
  "blocked tasks of a group": inside((tx, { job }) => tx.blockedTasksOfGroup(`${job}.0`, 10)),
  "a page of a job's tasks": inside((tx, { job }) => tx.scanJob(job, null, 50)),
  "a page behind a cursor": inside(async (tx, { job }) => tx.scanJob(job, (await tx.scanJob(job, null, 50)).next, 50)),
  "a page of root tasks": inside((tx, { job }) => tx.scanChildren(job, null, null, 50)),
  "expired sessions": inside((tx) => tx.expiredSessions(SOME_TIME + 100_000, 10)),
  "attempts that timed out": inside((tx) => tx.overdueTasks(SOME_TIME, 10)),
  "retries that are due": inside((tx) => tx.dueTasks(SOME_TIME, 10)),
  "the next times": inside((tx) => tx.nextTimes()),
  "jobs to be pruned": inside((tx) => tx.endedJobs(SOME_TIME, 10)),
  "background work": inside((tx) => tx.workItems(10)),
  "staged parts": inside((tx) => tx.stagedParts("task", "token")),
  "whether a cluster is in use": inside((tx) => tx.clusterInUse("some")),
  "a slice of a job's deletion": inside((tx, { endedJob }) => tx.deleteJobSlice(endedJob, 100)),
  "values below a prefix": inside((tx, { job }) => tx.cacheValuesBelow(job, "a/", 10)),
  "abandoned uploads": inside((tx) => tx.abandonedUploads(SOME_TIME, 10)),
  "a list of jobs": reads((store) =>
    store.listJobs({ states: [], nameContains: "", submittedFrom: null, submittedUntil: null, cluster: null }, page),
  ),
  "a list of tasks": reads((store, { job }) => store.listTasks({ jobId: job, states: [], includeInput: true }, page)),
  "tasks in some states": reads((store, { job }) =>
    store.listTasks({ jobId: job, states: ["RUNNING"], includeInput: false }, page),
  ),
  "changes of a job": reads((store, { job }) => store.listChanges(job, null, 10)),
  "a list of sessions": reads((store) => store.listSessions(null, page)),
  "a list of sessions of a cluster": reads((store) => store.listSessions("default", page)),
  "values in a job's cache": reads((store, { job }) =>
    store.listCacheValues({ jobId: job, prefix: "a/", directOnly: true }, page),
  ),
};
