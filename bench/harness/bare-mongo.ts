import { type ClientSession, type Collection, MongoClient } from "mongodb";
import { decideGrant } from "../../services/orchestrator/domain/claim.ts";
import type { TaskRecord } from "../../services/orchestrator/domain/records.ts";
import { decideComputed } from "../../services/orchestrator/domain/settle.ts";
import { openMongoStore } from "../../services/orchestrator/store/mongodb/index.ts";
import type { TaskRow } from "../../services/orchestrator/store/mongodb/rows.ts";
import {
  decodeTask,
  encodeMutable,
  updateOf,
  WITHOUT_INPUT,
} from "../../services/orchestrator/store/mongodb/task-codec.ts";
import { insertRawTasks, rawTask } from "../../services/orchestrator/testing/mongodb/raw-tasks.ts";
import { aJob, anId, aTask, SOME_TIME } from "../../services/orchestrator/testing/records.ts";
import type { MongoAddress } from "./store.ts";

const CLAIM_ORDER = { priority: -1, job: 1, depth: -1, _id: 1 } as const;
const CLAIMABLE = { ready: { $in: [1], $gt: -1 } };
const MAJORITY = { w: "majority", journal: true } as const;
const NO_REPORT = { progress: [], display: "" };

/**
 * The least that must be asked of the database for what an orchestrator does, on the same rows with the same indexes, sent with the driver alone: no
 * jobs, no groups, no change log, no rules. It says how fast the server itself is.
 */
export class BareMongo implements AsyncDisposable {
  readonly #client: MongoClient;
  readonly #tasks: Collection<TaskRow>;
  readonly #batchSize: number;
  #running: readonly TaskRecord[] = [];

  private constructor(client: MongoClient, database: string, batchSize: number) {
    this.#client = client;
    this.#tasks = client.db(database).collection<TaskRow>("task");
    this.#batchSize = batchSize;
  }

  /** Makes the database, which must be empty, with `queued` tasks. */
  static async open({ uri, database }: MongoAddress, queued: number, batchSize: number): Promise<BareMongo> {
    // For its indexes.
    await (await openMongoStore({ uri, database })).close();
    const client = await MongoClient.connect(uri);
    await insertRawTasks(client.db(database), tasksOf(queued));
    return new BareMongo(client, database, batchSize);
  }

  /**
   * One transaction: reads the tasks that run, finds the next ones, ends the former and starts the latter in one bulk write, commits. Returns the time in
   * milliseconds.
   */
  async batch(): Promise<number> {
    const startMs = performance.now();
    await this.#client.withSession((session) =>
      session.withTransaction(async () => this.#settleAndClaim(session), {
        readConcern: { level: "snapshot" },
        writeConcern: MAJORITY,
      }),
    );
    return performance.now() - startMs;
  }

  async #settleAndClaim(session: ClientSession): Promise<void> {
    const ids = this.#running.map(({ id }) => id);
    const found =
      ids.length === 0 ? [] : await this.#find({ _id: { $in: ids } }, { session, batchSize: ids.length + 1 });
    const next = await this.#claimable(session);
    const ended = found.map(decodeTask).map((task) => decideComputed(task, 0, NO_REPORT, SOME_TIME));
    const started = next.map(decodeTask).map((task) => decideGrant(task, "session", anId("token"), SOME_TIME));
    const before = new Map([...found, ...next].map((row) => [row._id, row]));
    const updates = [...ended, ...started].map((task) => ({
      updateOne: {
        filter: { _id: task.id },
        update: updateOf(before.get(task.id), encodeMutable(task, 0)) as { $inc: { rev: number } },
      },
    }));
    await this.#tasks.bulkWrite(updates, { session });
    this.#running = started;
  }

  /** The sorted, limited query alone. Returns the time in milliseconds. */
  async sortedFind(): Promise<number> {
    const startMs = performance.now();
    await this.#claimable(undefined);
    return performance.now() - startMs;
  }

  /** One message with so many tasks, committed. Returns the time in milliseconds. */
  async insert(count: number): Promise<number> {
    const rows = [...tasksOf(count)].map(rawTask);
    const startMs = performance.now();
    await this.#tasks.insertMany(rows, { writeConcern: MAJORITY });
    return performance.now() - startMs;
  }

  /**
   * As many clients at the same time, each of which changes a batch of tasks of its own in so many transactions, one after another. Returns how many
   * transactions there were in a second.
   */
  async together(clients: number, transactions: number): Promise<number> {
    const rows = await this.#tasks.find({}, { projection: { _id: 1 }, limit: clients * this.#batchSize }).toArray();
    const ids = rows.map((row) => row._id);
    const startMs = performance.now();
    await Promise.all(
      Array.from({ length: clients }, (_, client) =>
        this.#changeAll(ids.slice(client * this.#batchSize, (client + 1) * this.#batchSize), transactions),
      ),
    );
    return (clients * transactions) / ((performance.now() - startMs) / 1_000);
  }

  #changeAll(ids: readonly string[], transactions: number): Promise<void> {
    const changes = ids.map((_id) => ({ updateOne: { filter: { _id }, update: { $inc: { rev: 1 } } } }));
    return this.#client.withSession(async (session) => {
      for (let done = 0; done < transactions; done++) {
        await session.withTransaction(() => this.#tasks.bulkWrite(changes, { session }), { writeConcern: MAJORITY });
      }
    });
  }

  #claimable(session: ClientSession | undefined): Promise<TaskRow[]> {
    const limit = this.#batchSize;
    return this.#find(CLAIMABLE, { sort: CLAIM_ORDER, limit, batchSize: limit + 1, ...(session && { session }) });
  }

  async #find(...[filter, options]: Parameters<Collection<TaskRow>["find"]>): Promise<TaskRow[]> {
    return this.#tasks.find(filter, { ...options, ...WITHOUT_INPUT }).toArray();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client.close();
  }
}

function* tasksOf(count: number): Generator<TaskRecord> {
  const { id: jobId } = aJob();
  for (let index = 0; index < count; index++) yield aTask({ jobId });
}
