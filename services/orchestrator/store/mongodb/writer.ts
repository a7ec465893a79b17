import { setTimeout as wait } from "node:timers/promises";
import { type ClientSession, MongoError, type TransactionOptions } from "mongodb";
import { type StoreTransaction, StoreUnavailable } from "../store.ts";
import type { ClaimShare } from "./claim.ts";
import { commit } from "./commit.ts";
import type { Connection } from "./database.ts";
import { failureOf, translateError } from "./errors.ts";
import type { Replica } from "./replica.ts";
import { type Sharing, Step } from "./step.ts";
import { createTransaction, type StoreMemory } from "./transaction.ts";
import { TransactionSession } from "./transaction-session.ts";
import { within } from "./within.ts";

const DEFAULT_DIVIDE_FROM = 512;
/**
 * A step that collided waits a random time before it is run again, of up to this or to what a step usually takes: whoever was first holds his rows for
 * about that long. It is doubled each time, up to the longest.
 */
const FIRST_RETRY_MS = 2;
const LONGEST_RETRY_MS = 200;
const STEPS_AVERAGED = 16;
/** A step that has collided for this long may be kept waiting by a process that is dead. */
const HELD_UP_MS = 500;
/** What others leave unclaimed is taken after as long as this many steps usually take, and after this at the latest. */
const STEPS_LEFT = 20;
/** What another process has begun is taken to be finished after as long as this many steps usually take. */
const STEPS_TO_FINISH = 2;
const LONGEST_LEFT_MS = 1_000;
/** A step that is run again this often has a fault. */
const MOST_DUPLICATES = 3;
const MOST_CONFLICTS = 200;

const TRANSACTION: TransactionOptions = {
  readConcern: { level: "snapshot" },
  writeConcern: { w: "majority", journal: true },
  readPreference: "primary",
};

export interface WriterOptions {
  readonly patienceMs: number;
  /** See `MongoOptions`. */
  readonly divideFrom: number | undefined;
}

/**
 * Runs transactions one after another: the process's own rows and its part of each change log need that order, and two of its steps at the same time
 * would mostly be in each other's way.
 */
export class Writer {
  readonly #connection: Connection;
  readonly #replica: Replica;
  readonly #memory: StoreMemory;
  readonly #patienceMs: number;
  readonly #divideFrom: number | undefined;
  readonly #session: TransactionSession;
  /** How long a step takes, in milliseconds, as a moving average. */
  #usualMs = 0;
  /** When there was something to claim that was this process's own. */
  #foundOwnAt = Number.NEGATIVE_INFINITY;
  #last: Promise<unknown> = Promise.resolve();
  /** Nothing is begun any more. */
  isClosed = false;
  /** Nothing is waited for any more. */
  #isGivenUp = false;

  constructor(connection: Connection, replica: Replica, { patienceMs, divideFrom }: WriterOptions) {
    this.#connection = connection;
    this.#replica = replica;
    this.#session = new TransactionSession(connection, replica);
    this.#patienceMs = patienceMs;
    this.#divideFrom = divideFrom;
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

  /** Finishes the step under way, if the database lets it: in this time, in milliseconds. */
  async close(graceMs: number): Promise<void> {
    this.isClosed = true;
    await within(graceMs, this.#last);
    this.#isGivenUp = true;
  }

  async #run<T>(body: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    const patience = new Patience(this.#patienceMs);
    for (;;) {
      if (this.isClosed) throw new StoreUnavailable("the store is closed");
      const { slot } = this.#replica;
      try {
        const session = await this.#session.ready();
        return await this.#attempt(session, body, patience.hasCollided);
      } catch (error) {
        const failure = failureOf(error);
        if (failure === "slot-lost") await this.#replica.rejoin(slot);
        await patience.after(error, this.#usualMs);
        // When it fails the database is away, which the next attempt finds, too.
        if (patience.isHeldUp) await this.#replica.endSilent().catch(() => {});
      }
    }
  }

  async #attempt<T>(
    session: ClientSession,
    body: (tx: StoreTransaction) => Promise<T>,
    hasCollided: boolean,
  ): Promise<T> {
    const begun = performance.now();
    const step = new Step(this.#connection, session, this.#replica.slot, this.#sharing());
    session.startTransaction(TRANSACTION);
    let value: T;
    let tx: string;
    try {
      const open = createTransaction(step, this.#memory, () => this.#claimShare(hasCollided));
      value = await body(open.tx);
      if (!step.hasWritten) {
        this.#session.abort();
        return value;
      }
      tx = this.#replica.mark(step, open.wakeup());
      await step.flush();
    } catch (error) {
      if (failureOf(error) === "away") this.#session.abandon();
      else this.#session.abort();
      throw error;
    }
    await this.#commit(session, tx, step.slot);
    for (const act of step.onCommit) act();
    this.#usualMs += (performance.now() - begun - this.#usualMs) / STEPS_AVERAGED;
    return value;
  }

  /** Throws only when nothing was committed, or when the store is closed before that is known. */
  async #commit(session: ClientSession, tx: string, slot: number): Promise<void> {
    try {
      await commit(session);
    } catch (error) {
      this.#session.abandon();
      if (!(await this.#findOut(tx, slot))) throw error;
    }
  }

  #claimShare(hasCollided: boolean): ClaimShare {
    this.#replica.noteClaim();
    return {
      own: this.#replica.ownParts(STEPS_TO_FINISH * this.#usualMs),
      foundOwn: () => {
        this.#foundOwnAt = performance.now();
      },
      leftForMs: () => {
        const nothingForMs = performance.now() - this.#foundOwnAt;
        const leftForMs = Math.min(LONGEST_LEFT_MS, STEPS_LEFT * this.#usualMs) - nothingForMs;
        return hasCollided ? Math.max(leftForMs, this.#usualMs) : leftForMs;
      },
      served: () => this.#replica.noteServed(),
    };
  }

  /** Counters are divided when there is somebody to divide them with. */
  #sharing(): Sharing {
    const slots = this.#replica.liveSlots();
    if (this.#divideFrom !== undefined) {
      return { slots: [...new Set([...slots, this.#replica.slot + 1])], fromTasks: this.#divideFrom };
    }
    return { slots, fromTasks: slots.length > 1 ? DEFAULT_DIVIDE_FROM : Number.POSITIVE_INFINITY };
  }

  /** Whether a commit happened whose answer was an error. Asks until the database answers: nobody may be told anything before that. */
  async #findOut(tx: string, slot: number): Promise<boolean> {
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(LONGEST_RETRY_MS, 2 * waitMs)) {
      try {
        // If the commit has not arrived, the transaction still holds the row that tells.
        await this.#session.endAbandoned();
        return await this.#replica.wasCommitted(tx, slot);
      } catch (error) {
        if (!(error instanceof MongoError) && failureOf(error) === "other") throw error;
        if (this.#isGivenUp)
          throw new StoreUnavailable("the store was closed before it was known what became of a commit");
        await wait(waitMs);
      }
    }
  }
}

/** How long a step is run again. */
class Patience {
  readonly #deadline: number;
  #conflicts = 0;
  #collidedAt = Number.POSITIVE_INFINITY;
  #duplicates = 0;
  #waitMs = FIRST_RETRY_MS;

  constructor(patienceMs: number) {
    this.#deadline = performance.now() + patienceMs;
  }

  get hasCollided(): boolean {
    return this.#conflicts > 0;
  }

  /** It has collided for longer than others usually hold rows. */
  get isHeldUp(): boolean {
    return performance.now() - this.#collidedAt > HELD_UP_MS;
  }

  /** Waits until it is worth trying again, or throws what the caller is to be told. */
  async after(error: unknown, usualMs: number): Promise<void> {
    const failure = failureOf(error);
    if (failure === "other") throw error;
    if (failure === "away" && performance.now() > this.#deadline) throw translateError(error);
    if (failure === "duplicate" && ++this.#duplicates > MOST_DUPLICATES) throw error;
    if ((failure === "conflict" || failure === "slot-lost") && ++this.#conflicts > MOST_CONFLICTS) {
      throw new StoreUnavailable("a step was in the way of others too often", { cause: error });
    }
    if (failure === "conflict") this.#collidedAt = Math.min(this.#collidedAt, performance.now());
    await wait(Math.random() * Math.min(LONGEST_RETRY_MS, Math.max(this.#waitMs, usualMs)));
    this.#waitMs = Math.min(LONGEST_RETRY_MS, this.#waitMs * 2);
  }
}
