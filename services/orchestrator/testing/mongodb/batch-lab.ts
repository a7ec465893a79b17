import type { CommandStartedEvent } from "mongodb";
import type { GrantedTask, LeaseRef, Outcome } from "../../engine/api.ts";
import type { CommittedBatch } from "../../engine/observer.ts";
import { type MongoOptions, openMongoStore } from "../../store/mongodb/index.ts";
import type { Store } from "../../store/store.ts";
import { EngineHarness } from "../engine-harness.ts";
import { aJob, type JobShape } from "../submissions.ts";
import { computed, TestRunner } from "../test-runner.ts";

/** Outcomes and claims of one batch. */
export const BATCH_SIZE = 200;

/** One batch and what it cost. */
export interface MeasuredBatch {
  readonly settled: number;
  readonly granted: readonly LeaseRef[];
  /** Names of the commands that its transaction sent, in order: each is a round trip. */
  readonly roundTrips: readonly string[];
  /** From the begin of the transaction to the end of its commit. */
  readonly durationMs: number;
}

/**
 * The real engine on a real MongoDB store, alone on its database, with one runner that takes as many tasks as it is told to: so batches come one
 * at a time and hold exactly what was handed in.
 */
export class BatchLab implements AsyncDisposable {
  readonly #harness: EngineHarness;
  readonly #store: Store;
  readonly #log: BatchLog;
  readonly #runner: MeteredRunner;

  private constructor(harness: EngineHarness, store: Store, log: BatchLog, runner: MeteredRunner) {
    this.#harness = harness;
    this.#store = store;
    this.#log = log;
    this.#runner = runner;
  }

  static async open(options: Omit<MongoOptions, "onRoundTrip">): Promise<BatchLab> {
    const log = new BatchLog();
    const store = await openMongoStore({ ...options, onRoundTrip: (event) => log.note(event) });
    // There is nobody else to hear of, and what might have happened before the first wake-up would only add batches.
    const alone: Store = { ...store, onWakeup: () => () => {} };
    const observer = { batchCommitted: (batch: CommittedBatch) => log.end(batch) };
    const harness = await EngineHarness.start({ wrapStore: () => alone, observer });
    const runner = new MeteredRunner();
    const opened = await runner.connect(harness.engine);
    if (!opened.ok) throw new Error(opened.rejection.message);
    return new BatchLab(harness, store, log, runner);
  }

  /** Submits jobs that must be accepted; resolves when all are stored. */
  async submit(shapes: readonly JobShape[]): Promise<void> {
    const results = await Promise.all(shapes.map((shape) => this.#harness.engine.submitJob(aJob(shape))));
    for (const result of results) if (!result.ok) throw new Error(result.rejection.message);
  }

  /** Claims exactly as many tasks, which must be claimable, in one batch. */
  claim(count: number): Promise<MeasuredBatch> {
    return this.batch([], count);
  }

  /** Settles tasks that have no subtasks, and claims, in one batch. */
  settle(leases: readonly LeaseRef[], claims = BATCH_SIZE): Promise<MeasuredBatch> {
    return this.batch(
      leases.map((lease) => computed(lease)),
      claims,
    );
  }

  /** Hands in outcomes and claims exactly as many tasks, which must be claimable by then, in one batch. Throws when it were several. */
  async batch(outcomes: readonly Outcome[], claims = BATCH_SIZE): Promise<MeasuredBatch> {
    const committed = this.#log.next();
    this.#runner.ask(claims, outcomes);
    const { batch, roundTrips } = await committed;
    const granted = this.#runner.take();
    if (granted.length !== claims || batch.tasksSettled !== outcomes.length) {
      throw new Error(
        `one batch settled ${batch.tasksSettled} of ${outcomes.length} tasks and claimed ${granted.length}`,
      );
    }
    return { settled: batch.tasksSettled, granted, roundTrips, durationMs: batch.durationMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#harness[Symbol.asyncDispose]();
    await this.#store.close();
  }
}

/** A runner that takes exactly as many tasks as it asked for: between two batches it reads nothing, so that it is granted nothing. */
class MeteredRunner extends TestRunner {
  override isReading = false;
  #credits = 0;
  #returning = 0;
  #wanted = 0;

  ask(claims: number, outcomes: readonly Outcome[]): void {
    // What outcomes give back counts from the next batch on.
    this.#credits += this.#returning;
    this.#returning = outcomes.length;
    if (this.#credits > claims) throw new Error(`the runner would take ${this.#credits} tasks, not ${claims}`);
    this.#wanted = claims;
    this.isReading = true;
    if (outcomes.length > 0) this.handle.outcomes(outcomes);
    this.handle.addCredits(claims - this.#credits);
    this.#credits = 0;
  }

  override grants(grants: readonly GrantedTask[]): void {
    super.grants(grants);
    this.#wanted -= grants.length;
    this.isReading = this.#wanted > 0;
  }
}

interface LoggedBatch {
  readonly batch: CommittedBatch;
  readonly roundTrips: readonly string[];
}

/** Batches with the commands of their transactions, as they are committed. */
class BatchLog {
  #commands: string[] = [];
  #next = Promise.withResolvers<LoggedBatch>();

  /** Signs of life and the like are sent outside of transactions. */
  note({ command, commandName }: CommandStartedEvent): void {
    if (command.autocommit === false) this.#commands.push(commandName);
  }

  end(batch: CommittedBatch): void {
    const roundTrips = this.#commands;
    this.#commands = [];
    this.#next.resolve({ batch, roundTrips });
    this.#next = Promise.withResolvers();
  }

  /** Resolves when the next batch has been committed and what follows from it has been done. */
  next(): Promise<LoggedBatch> {
    return this.#next.promise;
  }
}
