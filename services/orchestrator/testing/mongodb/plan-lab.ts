import { type CommandStartedEvent, type Db, type Document, MongoClient } from "mongodb";
import type { TaskRecord } from "../../domain/records.ts";
import { openMongoStore } from "../../store/mongodb/index.ts";
import type { Store } from "../../store/store.ts";
import { aGroup, aJob, aSession, aTask, SOME_TIME } from "../records.ts";
import type { HotQuery } from "./hot-queries.ts";
import { insertRawTasks } from "./raw-tasks.ts";

/** The plan of a query and what it cost. */
export interface Plan {
  /** Names of its stages, from the last one on. */
  readonly stages: readonly string[];
  readonly returned: number;
  /** Index keys or rows that it looked at, whichever are more. */
  readonly examined: number;
}

export interface PlanLabOptions {
  readonly uri: string;
  readonly database: string;
  /** Tasks of a job that has ended. */
  readonly finished: number;
  /** Tasks that may be claimed. */
  readonly queued: number;
  /** Told how many tasks have been stored. */
  readonly onStored?: (count: number) => void;
}

/** Stages that must not be: all rows are looked at, or what an index could give in order is sorted. */
export const BAD_STAGES: readonly string[] = ["COLLSCAN", "SORT"];

/** Tasks of each of the two kinds that are asked for by id. */
const NOTED = 100;

/** Collections of a few rows, of which all are wanted: who is there, and the version of the schema. */
const NOT_HOT: readonly unknown[] = ["beat", "replica", "meta"];

/** A MongoDB store with many tasks, and the plans of what it asks the server. */
export class PlanLab implements AsyncDisposable {
  readonly #client: MongoClient;
  readonly #db: Db;
  readonly #store: Store;
  readonly #sent: Document[];
  readonly #job = aJob({ idempotencyKey: "some key" });
  readonly #ended = aJob({ status: "COMPLETED", endedAt: SOME_TIME });
  readonly #session = aSession();
  /** Ids of some that have ended and some that have not. */
  readonly #tasks: string[] = [];

  private constructor(client: MongoClient, database: string, store: Store, sent: Document[]) {
    this.#client = client;
    this.#db = client.db(database);
    this.#store = store;
    this.#sent = sent;
  }

  /** Makes the database, which must be empty. It stays when the laboratory is closed. */
  static async open({ uri, database, ...sizes }: PlanLabOptions): Promise<PlanLab> {
    const sent: Document[] = [];
    const onRoundTrip = ({ command, commandName }: CommandStartedEvent) => {
      if (commandName === "find" || commandName === "aggregate") sent.push(command);
    };
    const store = await openMongoStore({ uri, database, onRoundTrip });
    const client = await MongoClient.connect(uri);
    const lab = new PlanLab(client, database, store, sent);
    await lab.#fill(sizes);
    return lab;
  }

  async #fill({ finished, queued, onStored }: Omit<PlanLabOptions, "uri" | "database">): Promise<void> {
    await insertRawTasks(this.#db, this.#make(finished, queued), onStored);
    const [job, session] = [this.#job, this.#session];
    const others = [
      ...this.#some("RUNNING", { sessionId: session.id, deadlineAt: SOME_TIME }),
      ...this.#some("BLOCKED", {}),
      ...this.#some("FAILED", {}),
      ...this.#some("QUEUED", { availableAt: SOME_TIME }),
    ];
    await this.#store.transact(async (tx) => {
      const insertTasks = others.map((task) => ({ task, input: new Uint8Array([1]) }));
      await tx.write({ insertJobs: [this.#ended, job], insertTasks, insertGroups: [aGroup({ jobId: job.id })] });
      await tx.write({ putSessions: [session], appendChanges: [{ jobId: job.id, job, tasks: [] }] });
    });
  }

  *#make(finished: number, queued: number): Generator<TaskRecord> {
    for (let index = 0; index < finished; index++) {
      yield this.#noted(index, aTask({ jobId: this.#ended.id, state: "COMPLETED" }));
    }
    for (let index = 0; index < queued; index++) {
      yield this.#noted(index, aTask({ jobId: this.#job.id, priority: index % 3 }));
    }
  }

  #noted(index: number, task: TaskRecord): TaskRecord {
    if (index < NOTED) this.#tasks.push(task.id);
    return task;
  }

  #some(state: TaskRecord["state"], values: Partial<TaskRecord>): TaskRecord[] {
    return Array.from({ length: 20 }, () => aTask({ jobId: this.#job.id, state, ...values }));
  }

  /** The plans of all queries that are sent for something; at least one. */
  async plansOf(query: HotQuery): Promise<Plan[]> {
    this.#sent.length = 0;
    await query(this.#store, {
      job: this.#job.id,
      endedJob: this.#ended.id,
      session: this.#session.id,
      tasks: this.#tasks,
    });
    const queries = this.#sent.filter(({ find }) => !NOT_HOT.includes(find));
    if (queries.length === 0) throw new Error("nothing was asked");
    const plans: Plan[] = [];
    for (const each of queries) plans.push(await this.#explain(each));
    return plans;
  }

  async #explain(command: Document): Promise<Plan> {
    const { lsid, txnNumber, startTransaction, autocommit, readConcern, $clusterTime, $db, $readPreference, ...rest } =
      command;
    const answer = await this.#db.command({ explain: rest, verbosity: "executionStats" });
    const { queryPlanner, executionStats } = answer.stages?.[0]?.$cursor ?? answer;
    const examined = Math.max(executionStats.totalKeysExamined, executionStats.totalDocsExamined);
    return { stages: stagesOf(queryPlanner.winningPlan), returned: executionStats.nReturned, examined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store.close();
    await this.#client.close();
  }
}

function stagesOf(plan: Document): string[] {
  const inner = [plan.inputStage, ...(plan.inputStages ?? []), plan.queryPlan].filter((stage) => stage !== undefined);
  return [...(plan.stage === undefined ? [] : [String(plan.stage)]), ...inner.flatMap(stagesOf)];
}
