import { setImmediate as nextTurn } from "node:timers/promises";
import { DEFAULT_LIMITS, type Limits } from "../domain/limits.ts";
import type { Engine, SessionHello, SubmittedJob } from "../engine/api.ts";
import { createEngine } from "../engine/engine.ts";
import { createIds, type Ids } from "../engine/ids.ts";
import { type CommittedBatch, type EngineObserver, SILENT_OBSERVER } from "../engine/observer.ts";
import { DEFAULT_SETTINGS, type EngineLogger, type EngineSettings } from "../engine/settings.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import type { QueueKey, Store } from "../store/store.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { seededBytes } from "./seeded-random.ts";
import { type SharedDatabase, type SharedStore, shareDatabase } from "./shared-database.ts";
import { aJob, type JobShape } from "./submissions.ts";
import { TestRunner } from "./test-runner.ts";

/** What a test may choose. */
export interface HarnessOptions {
  readonly settings?: Partial<EngineSettings>;
  readonly limits?: Partial<Limits>;
  /** What the engine's source of randomness always gives. Default 0. */
  readonly random?: number;
  /** Queues that exist before the engine starts. A new one is known to sessions only behind the batch that made it. */
  readonly queues?: readonly QueueKey[];
  /** Puts something between the engine and its store. */
  readonly wrapStore?: (store: Store) => Store;
  readonly observer?: Partial<EngineObserver>;
  readonly logger?: EngineLogger;
  /** Ids come from the same source as those of this engine, so that their order is that of time also within a millisecond. */
  readonly idsOf?: EngineHarness;
  /** How far the clock from which the engine makes ids is ahead of the others. Default 0. */
  readonly idsAheadMs?: number;
}

const SILENT_LOGGER: EngineLogger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A batch takes one turn of the event loop, its beginning and the answers a few more; after this many without a batch nothing goes on. */
const QUIET_TURNS = 5;
const MOST_TURNS = 200_000;

/** What engines that run beside each other have in common. */
interface World {
  readonly clock: ManualClock;
  readonly inner: Store;
  readonly database: SharedDatabase;
  /** Those that run. */
  readonly engines: Set<EngineHarness>;
  /** How many there were so far. */
  started: number;
}

/**
 * The real engine on the real embedded store, in this process, with a clock that only the test moves. After each step the test waits
 * until the engine has come to rest, so nothing depends on timing.
 */
export class EngineHarness implements AsyncDisposable {
  readonly store: Store;
  readonly clock: ManualClock;
  /** The engine's own way to the database that it shares with others; null where it is the only one. */
  readonly shared: SharedStore | null;
  /** All that was committed, in order. */
  readonly batches: CommittedBatch[] = [];
  readonly #options: HarnessOptions;
  readonly #world: World;
  readonly #ids: Ids;
  #engine: Engine | null = null;
  #failures = 0;

  private constructor(options: HarnessOptions, world: World, isShared: boolean) {
    this.#options = options;
    this.#world = world;
    this.clock = world.clock;
    world.engines.add(this);
    world.started++;
    const ownIds = createIds(() => this.clock.now() + (options.idsAheadMs ?? 0), seededBytes(world.started));
    this.#ids = options.idsOf === undefined ? ownIds : options.idsOf.#ids;
    this.shared = isShared ? world.database.open() : null;
    const store = this.shared ?? world.inner;
    this.store = options.wrapStore?.(store) ?? store;
  }

  static start(options: HarnessOptions = {}): Promise<EngineHarness> {
    return new EngineHarness(options, createWorld(), false).#begin();
  }

  /** Starts an engine on a database that it shares. More are started by `beside`. */
  static startShared(options: HarnessOptions = {}): Promise<EngineHarness> {
    return new EngineHarness(options, createWorld(), true).#begin();
  }

  /** Starts another engine on the same database, with the same clock. It is to be disposed of before this one. */
  beside(options: HarnessOptions = {}): Promise<EngineHarness> {
    return new EngineHarness({ ...this.#options, ...options }, this.#world, true).#begin();
  }

  async #begin(): Promise<this> {
    await this.store.transact(async (tx) => {
      await tx.internQueues(this.#options.queues ?? []);
    });
    await this.#startEngine();
    return this;
  }

  get engine(): Engine {
    if (this.#engine === null) throw new Error("the engine does not run");
    return this.#engine;
  }

  get settings(): EngineSettings {
    return { ...DEFAULT_SETTINGS, ...this.#options.settings };
  }

  async #startEngine(): Promise<void> {
    const { limits, random, observer, logger } = this.#options;
    this.#engine = await createEngine({
      store: this.store,
      limits: { ...DEFAULT_LIMITS, ...limits },
      settings: this.settings,
      clock: this.clock,
      ids: this.#ids,
      random: () => random ?? 0,
      observer: {
        ...SILENT_OBSERVER,
        ...observer,
        batchCommitted: (batch) => {
          this.batches.push(batch);
          observer?.batchCommitted?.(batch);
        },
        transactionFailed: () => {
          this.#failures++;
          observer?.transactionFailed?.();
        },
      },
      logger: logger ?? SILENT_LOGGER,
    });
  }

  /** Waits until everything that was handed in, what follows from it, and what is due by now has been done, by the engines beside this one too. */
  async settle(): Promise<void> {
    let quiet = 0;
    for (let turn = 0; quiet < QUIET_TURNS; turn++) {
      if (turn > MOST_TURNS) throw new Error("the engine does not come to rest");
      const before = this.#stepsOfAll();
      this.clock.advance(0);
      await nextTurn();
      quiet = before === this.#stepsOfAll() ? quiet + 1 : 0;
    }
  }

  #stepsOfAll(): number {
    let steps = 0;
    for (const harness of this.#world.engines) steps += harness.batches.length + harness.#failures;
    return steps;
  }

  /** Lets time pass in steps that are small enough for the engine not to think that it stood still. */
  async advance(ms: number): Promise<void> {
    const step = Math.min(1_000, this.settings.leaseDurationMs / 10);
    for (let left = ms; left > 0; left -= step) {
      this.clock.advance(Math.min(step, left));
      await this.settle();
    }
  }

  /** Stops the engine and starts another one on the same store. Sessions are lost, as when a process ends. */
  async restart(): Promise<void> {
    await this.engine.stop();
    await this.#startEngine();
    await this.settle();
  }

  /** Submits a job that must be accepted. */
  async submit(shape: JobShape = {}): Promise<SubmittedJob> {
    const result = await this.engine.submitJob(aJob(shape));
    if (!result.ok) throw new Error(result.rejection.message);
    await this.settle();
    return result.value;
  }

  /** Opens a session that must be accepted, for task `Task` v1.0 in the default cluster unless told otherwise. */
  async open(hello: Partial<SessionHello> = {}): Promise<TestRunner> {
    const runner = new TestRunner();
    const result = await runner.connect(this.engine, hello);
    if (!result.ok) throw new Error(result.rejection.message);
    await this.settle();
    return runner;
  }

  /** Ends the process of the engine without a word: its timers and its streams are gone, what is in the store stays. */
  async kill(): Promise<void> {
    this.#world.engines.delete(this);
    if (this.shared !== null) this.shared.isDead = true;
    await this.#engine?.stop();
    this.#engine = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine?.stop();
    this.#world.engines.delete(this);
    if (this.#world.engines.size === 0) await this.#world.inner.close();
  }
}

function createWorld(): World {
  const inner = openSqliteStore({ file: null });
  return { clock: createManualClock(), inner, database: shareDatabase(inner), engines: new Set(), started: 0 };
}
