import { setTimeout as wait } from "node:timers/promises";
import type { ClientSession, TransactionOptions } from "mongodb";
import { type Store, type StoreTransaction, StoreUnavailable } from "../store.ts";
import { type Connection, type MongoOptions, openDatabase, SILENT } from "./database.ts";
import { failureOf, translateError } from "./errors.ts";
import { Feed } from "./feed.ts";
import { createReads } from "./reads.ts";
import { Replica } from "./replica.ts";
import { type Sharing, Step } from "./step.ts";
import { createTransaction, type StoreMemory } from "./transaction.ts";

export type { MongoOptions } from "./database.ts";

/**
 * Opens the store on MongoDB, which any number of processes share. Throws `StoreUnavailable` with a sentence for people when there is no replica
 * set, when the database belongs to another program or was written by a later version, or when nothing answers.
 */
export async function openMongoStore(options: MongoOptions): Promise<Store> {
  const logger = options.logger ?? SILENT;
  const connection = await openDatabase(options);
  try {
    const replica = await Replica.join(connection, options.beatMs ?? DEFAULT_BEAT_MS, logger);
    const feed = new Feed(connection, () => replica.slot, logger);
    const writer = new Writer(connection, replica, options);
    return {
      sharing: "shared",
      ...createReads(connection, () => writer.isClosed),
      transact: (body) => writer.transact(body),
      onWakeup: (listener) => feed.listen(listener),
      async close() {
        if (writer.isClosed) return;
        await writer.close();
        await feed.stop();
        await replica.stop();
        await connection.client.close();
      },
    };
  } catch (error) {
    await connection.client.close();
    throw translateError(error);
  }
}

type SessionId = NonNullable<ClientSession["id"]>;

const DEFAULT_BEAT_MS = 1_000;
const DEFAULT_PATIENCE_MS = 5_000;
const DEFAULT_DIVIDE_FROM = 512;
/**
 * A step that collided waits a random time before it is run again, of up to this or to what a step usually takes: whoever was first holds his rows for
 * about that long. It is doubled each time, up to the longest.
 */
const FIRST_RETRY_MS = 2;
const LONGEST_RETRY_MS = 200;
const STEPS_AVERAGED = 16;
/** A step that is run again this often has a fault. */
const MOST_DUPLICATES = 3;
const MOST_CONFLICTS = 200;

const TRANSACTION: TransactionOptions = {
  readConcern: { level: "snapshot" },
  writeConcern: { w: "majority", journal: true },
  readPreference: "primary",
};

/**
 * Runs transactions one after another: the process's own rows and its part of each change log need that order, and two of its steps at the same time
 * would mostly be in each other's way.
 */
class Writer {
  readonly #connection: Connection;
  readonly #replica: Replica;
  readonly #memory: StoreMemory;
  readonly #patienceMs: number;
  readonly #divideFrom: number | undefined;
  /** Sessions whose transactions the server may still hold open. */
  readonly #orphans: SessionId[] = [];
  /** How long a step takes, in milliseconds, as a moving average. */
  #usualMs = 0;
  #last: Promise<unknown> = Promise.resolve();
  isClosed = false;

  constructor(connection: Connection, replica: Replica, options: MongoOptions) {
    this.#connection = connection;
    this.#replica = replica;
    this.#patienceMs = options.patienceMs ?? DEFAULT_PATIENCE_MS;
    this.#divideFrom = options.divideFrom;
    let touched = 0;
    this.#memory = {
      counted: new Set(),
      nextTouch() {
        touched = Math.max(touched + 1, Date.now());
        return touched;
      },
    };
  }

  transact<T>(body: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#run(body));
    this.#last = result.catch(() => {});
    return result;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.#last;
  }

  async #run<T>(body: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    const patience = new Patience(this.#patienceMs);
    for (;;) {
      if (this.isClosed) throw new StoreUnavailable("the store is closed");
      const session = this.#connection.client.startSession();
      try {
        await this.#endOrphans();
        return await this.#attempt(session, body, !patience.hasCollided);
      } catch (error) {
        await this.#endAttempt(session, error);
        if (failureOf(error) === "slot-lost") await this.#replica.rejoin();
        await patience.after(error, this.#usualMs);
      } finally {
        void session.endSession();
      }
    }
  }

  async #attempt<T>(
    session: ClientSession,
    body: (tx: StoreTransaction) => Promise<T>,
    mayTakeOthers: boolean,
  ): Promise<T> {
    const begun = performance.now();
    const step = new Step(this.#connection, session, this.#replica.slot, this.#sharing());
    session.startTransaction(TRANSACTION);
    const open = createTransaction(step, this.#memory, () => {
      this.#replica.noteClaim();
      return { parts: this.#replica.ownParts(), mayTakeOthers };
    });
    const value = await body(open.tx);
    // What only read has nothing to commit; its end need not be waited for.
    if (!step.hasWritten) return value;
    const tx = this.#replica.mark(step, open.wakeup());
    await step.flush();
    try {
      await session.commitTransaction();
    } catch (error) {
      if (!(await this.#findOut(session, tx))) throw error;
    }
    for (const act of step.onCommit) act();
    this.#usualMs += (performance.now() - begun - this.#usualMs) / STEPS_AVERAGED;
    return value;
  }

  /** Counters are divided when there is somebody to divide them with. */
  #sharing(): Sharing {
    const { liveCount } = this.#replica;
    if (this.#divideFrom !== undefined) return { processes: Math.max(2, liveCount), fromTasks: this.#divideFrom };
    return { processes: liveCount, fromTasks: liveCount > 1 ? DEFAULT_DIVIDE_FROM : Number.POSITIVE_INFINITY };
  }

  /** A transaction that was not committed must be over before the next one begins: what it wrote would be in its way. */
  async #endAttempt(session: ClientSession, error: unknown): Promise<void> {
    if (session.inTransaction()) await session.abortTransaction().catch(() => {});
    // Whether that arrived is not known.
    if (failureOf(error) === "away" && session.id !== undefined) this.#orphans.push(session.id);
  }

  /** Transactions that nobody will end hold their rows until the server gives them up, which takes a minute. */
  async #endOrphans(): Promise<void> {
    if (this.#orphans.length === 0) return;
    await this.#kill(this.#orphans);
    this.#orphans.length = 0;
  }

  /** Whether a commit happened whose answer was an error. Asks until the database answers: nobody may be told anything before that. */
  async #findOut(session: ClientSession, tx: string): Promise<boolean> {
    for (let round = 0; ; round++) {
      if (this.isClosed) throw new StoreUnavailable("the store was closed before it was known what became of a commit");
      try {
        if (round > 0 && session.id !== undefined) await this.#kill([session.id]);
        return await this.#replica.wasCommitted(tx);
      } catch (error) {
        if (failureOf(error) === "other") throw error;
        await wait(Math.min(LONGEST_RETRY_MS, 20 * 2 ** round));
      }
    }
  }

  async #kill(ids: readonly SessionId[]): Promise<void> {
    try {
      await this.#connection.client.db("admin").command({ killSessions: [...ids] });
    } catch (error) {
      // A user without the privilege waits until the server gives them up.
      if (failureOf(error) === "away") throw error;
    }
  }
}

/** How long a step is run again. */
class Patience {
  readonly #deadline: number;
  #conflicts = 0;
  #duplicates = 0;
  #waitMs = FIRST_RETRY_MS;

  constructor(patienceMs: number) {
    this.#deadline = performance.now() + patienceMs;
  }

  get hasCollided(): boolean {
    return this.#conflicts > 0;
  }

  /** Waits until it is worth trying again, or throws what the caller is to be told. */
  async after(error: unknown, usualMs: number): Promise<void> {
    const failure = failureOf(error);
    if (failure === "other") throw error;
    if (failure === "away" && performance.now() > this.#deadline) throw translateError(error);
    if (failure === "duplicate" && ++this.#duplicates > MOST_DUPLICATES) throw error;
    if (failure === "conflict" && ++this.#conflicts > MOST_CONFLICTS) {
      throw new StoreUnavailable("a step was in the way of others too often", { cause: error });
    }
    await wait(Math.random() * Math.min(LONGEST_RETRY_MS, Math.max(this.#waitMs, usualMs)));
    this.#waitMs = Math.min(LONGEST_RETRY_MS, this.#waitMs * 2);
  }
}
