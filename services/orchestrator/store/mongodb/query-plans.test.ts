import type { CommandStartedEvent, Db, Document } from "mongodb";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import { freshDatabaseName } from "../../../../scripts/mongodb/fresh-database-name.ts";
import type { TaskRecord } from "../../domain/records.ts";
import { aGroup, aJob, aSession, aTask, SOME_TIME } from "../../testing/records.ts";
import type { Store, StoreReads, StoreTransaction } from "../store.ts";
import { openMongoStore } from "./index.ts";

const FINISHED = 10_000;
const QUEUED = 1_000;
/** Rows that a query may look at for each one that it returns, and some for finding the places. */
const PER_ROW = 3;
const EXTRA = 16;

/** The plan of a query and what it cost. */
interface Plan {
  readonly stages: readonly string[];
  readonly returned: number;
  readonly examined: number;
}

describeWithMongo("plans of MongoDB", (uri) => {
  const database = freshDatabaseName();
  const sent: Document[] = [];
  let client: MongoClient;
  let db: Db;
  let store: Store;
  const job = aJob({ idempotencyKey: "some key" });
  const session = aSession();
  let finished: TaskRecord[];
  let waiting: TaskRecord[];

  beforeAll(async () => {
    const onRoundTrip = ({ command, commandName }: CommandStartedEvent) => {
      if (commandName === "find" || commandName === "aggregate") sent.push(command);
    };
    store = await openMongoStore({ uri, database, onRoundTrip });
    client = await MongoClient.connect(uri);
    db = client.db(database);
    const ended = aJob({ status: "COMPLETED", endedAt: SOME_TIME });
    finished = Array.from({ length: FINISHED }, () => aTask({ jobId: ended.id, state: "COMPLETED" }));
    waiting = Array.from({ length: QUEUED }, (_, index) => aTask({ jobId: job.id, priority: index % 3 }));
    const others = [
      ...many("RUNNING", { sessionId: session.id, deadlineAt: SOME_TIME }),
      ...many("BLOCKED", {}),
      ...many("FAILED", {}),
      ...many("QUEUED", { availableAt: SOME_TIME }),
    ];
    await store.transact(async (tx) => {
      const tasks = [...finished, ...waiting, ...others].map((task) => ({ task, input: new Uint8Array([1]) }));
      await tx.write({ insertJobs: [ended, job], insertTasks: tasks, insertGroups: [aGroup({ jobId: job.id })] });
      await tx.write({ putSessions: [session], appendChanges: [{ jobId: job.id, job, tasks: [] }] });
    });
  });

  afterAll(async () => {
    await store.close();
    await db.dropDatabase();
    await client.close();
  });

  function many(state: TaskRecord["state"], values: Partial<TaskRecord>): TaskRecord[] {
    return Array.from({ length: 20 }, () => aTask({ jobId: job.id, state, ...values }));
  }

  /** The plans of the queries that `run` sends to a collection. */
  async function plansOf(run: () => Promise<unknown>): Promise<Plan[]> {
    sent.length = 0;
    await run();
    const queries = sent.filter(({ find }) => find !== "beat" && find !== "replica" && find !== "meta");
    expect(queries.length).toBeGreaterThan(0);
    return Promise.all(queries.map(explain));
  }

  async function explain(query: Document): Promise<Plan> {
    const { lsid, txnNumber, startTransaction, autocommit, readConcern, $clusterTime, $db, $readPreference, ...rest } =
      query;
    const answer = await db.command({ explain: rest, verbosity: "executionStats" });
    const { queryPlanner, executionStats } = answer.stages?.[0]?.$cursor ?? answer;
    const examined = Math.max(executionStats.totalKeysExamined, executionStats.totalDocsExamined);
    return { stages: stagesOf(queryPlanner.winningPlan), returned: executionStats.nReturned, examined };
  }

  const inside = (body: (tx: StoreTransaction) => Promise<unknown>) => () => store.transact(body);
  const page = { limit: 50, after: null };
  const reads = (body: (store: StoreReads) => Promise<unknown>) => () => body(store);
  const ids = () => [...finished.slice(0, 100), ...waiting.slice(0, 100)].map((task) => task.id);

  const QUERIES: Readonly<Record<string, () => Promise<unknown>>> = {
    "a claim from one queue": inside((tx) => tx.claimCandidates({ queueIds: [1], after: null, limit: 100 })),
    "a claim from several queues": inside((tx) => tx.claimCandidates({ queueIds: [1, 2, 3], after: null, limit: 100 })),
    "a claim behind a job": inside((tx) =>
      tx.claimCandidates({ queueIds: [1], after: { priority: 1, jobId: "job" }, limit: 100 }),
    ),
    "tasks by id": inside((tx) => tx.loadTasks(ids())),
    "inputs by id": inside((tx) => tx.loadInputs(ids())),
    "jobs by id": inside((tx) => tx.loadJobs([job.id])),
    "groups by id": inside((tx) => tx.loadGroups([`${job.id}.0`])),
    "sessions by id": inside((tx) => tx.loadSessions([session.id])),
    "jobs by idempotency key": inside((tx) => tx.loadJobsByIdempotencyKey(["some key", "other"])),
    "leases of a session": inside((tx) => tx.tasksOfSessions([session.id], null, 10)),
    "leases of several sessions": inside((tx) => tx.tasksOfSessions([session.id, "other"], null, 10)),
    "running tasks of a job": inside((tx) => tx.runningTasksOfJob(job.id, 10)),
    "failed tasks of a job": inside((tx) => tx.failedTasksOfJob(job.id, null, 10)),
    "blocked tasks of a group": inside((tx) => tx.blockedTasksOfGroup(`${job.id}.0`, 10)),
    "a page of a job's tasks": inside((tx) => tx.scanJob(job.id, null, 50)),
    "a page of root tasks": inside((tx) => tx.scanChildren(job.id, null, null, 50)),
    "expired sessions": inside((tx) => tx.expiredSessions(SOME_TIME + 100_000, 10)),
    "attempts that timed out": inside((tx) => tx.overdueTasks(SOME_TIME, 10)),
    "retries that are due": inside((tx) => tx.dueTasks(SOME_TIME, 10)),
    "the next times": inside((tx) => tx.nextTimes()),
    "jobs to be pruned": inside((tx) => tx.endedJobs(SOME_TIME, 10)),
    "background work": inside((tx) => tx.workItems(10)),
    "staged parts": inside((tx) => tx.stagedParts("task", "token")),
    "whether a cluster is in use": inside((tx) => tx.clusterInUse("some")),
    "a slice of a job's deletion": inside((tx) => tx.deleteJobSlice(finished[0]?.jobId ?? "", 100)),
    "values below a prefix": inside((tx) => tx.cacheValuesBelow(job.id, "a/", 10)),
    "abandoned uploads": inside((tx) => tx.abandonedUploads(SOME_TIME, 10)),
    "a page behind a cursor": inside(async (tx) => tx.scanJob(job.id, (await tx.scanJob(job.id, null, 50)).next, 50)),
    "a list of sessions of a cluster": reads((store) => store.listSessions("default", page)),
    "tasks in some states": reads((store) =>
      store.listTasks({ jobId: job.id, states: ["RUNNING"], includeInput: false }, page),
    ),
    "a list of jobs": reads((store) =>
      store.listJobs({ states: [], nameContains: "", submittedFrom: null, submittedUntil: null, cluster: null }, page),
    ),
    "a list of tasks": reads((store) => store.listTasks({ jobId: job.id, states: [], includeInput: true }, page)),
    "changes of a job": reads((store) => store.listChanges(job.id, null, 10)),
    "a list of sessions": reads((store) => store.listSessions(null, page)),
    "values in a job's cache": reads((store) =>
      store.listCacheValues({ jobId: job.id, prefix: "a/", directOnly: true }, page),
    ),
  };

  describe.each(Object.entries(QUERIES))("%s", (_name, run) => {
    it("is found by an index, without sorting, and looks at little more than it returns", async () => {
      for (const plan of await plansOf(run)) {
        expect(plan.stages.filter((stage) => stage === "COLLSCAN" || stage === "SORT")).toEqual([]);
        expect(plan.examined).toBeLessThanOrEqual(plan.returned * PER_ROW + EXTRA);
      }
    });
  });
});

function stagesOf(plan: Document): string[] {
  const inner = [plan.inputStage, ...(plan.inputStages ?? []), plan.queryPlan].filter((stage) => stage !== undefined);
  return [...(plan.stage === undefined ? [] : [String(plan.stage)]), ...inner.flatMap(stagesOf)];
}
