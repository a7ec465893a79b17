import { StoreUnavailable } from "../store/store.ts";
import type { BatchResult } from "./batch.ts";
import { runBatch } from "./batch.ts";
import { BatchContext } from "./batch-context.ts";
import { type Command, weightOf } from "./commands.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { LiveSession } from "./live-session.ts";
import { PartReader } from "./parts.ts";
import type { QueueRegistry } from "./queue-registry.ts";
import type { EngineOptions } from "./settings.ts";
import { UnitOfWork } from "./unit-of-work.ts";

/** A batch that has been committed. */
export interface Committed {
  readonly uow: UnitOfWork;
  readonly context: BatchContext;
  readonly result: BatchResult;
  readonly commands: number;
  readonly durationMs: number;
}

/** Who acts on what the committer did. */
export interface CommitListener {
  committed(committed: Committed): void;
  /** What a session handed in failed for a reason that no repetition will mend. */
  sessionFailed(session: LiveSession): void;
}

/**
 * The one write path. While one batch is under way the next one collects; there is no timer, so a command that comes alone starts at
 * once and a flood is taken in batches: one commit for all of them.
 *
 * When the store is away, commands with a caller are answered with that at once; what sessions have reported stays and is tried again, so that no
 * runner has to notice. When a batch fails for another reason, its commands are tried one by one, so that only the one at fault fails.
 *
 * What follows a commit must not throw. If it does, what is in memory can no longer be trusted, and the commands must not run again: the error is
 * let out, which ends the process; everything that counts is in the store.
 */
export class Committer {
  readonly #options: EngineOptions;
  readonly #queues: QueueRegistry;
  readonly #dispatcher: Dispatcher;
  readonly #parts = new PartReader();
  readonly #listener: CommitListener;
  #waiting: Command[] = [];
  #tick = false;
  #dispatch = false;
  #storedWork = true;
  #running: Promise<void> | null = null;
  #mayGrant = true;
  #mayExpireFrom: number;
  /** Ends the wait of a loop that found the store away. */
  #wake: (() => void) | null = null;
  #stopped = false;

  constructor(options: EngineOptions, queues: QueueRegistry, dispatcher: Dispatcher, listener: CommitListener) {
    this.#options = options;
    this.#queues = queues;
    this.#dispatcher = dispatcher;
    this.#listener = listener;
    this.#mayExpireFrom = options.clock.now() + options.settings.leaseDurationMs;
  }

  /** Hands in a command for the next batch. */
  add(command: Command): void {
    this.#waiting.push(command);
    this.#start();
  }

  /** Asks for housekeeping in the next batch. */
  tick(): void {
    this.#tick = true;
    this.#start();
  }

  /** Asks for a batch that hands out tasks and does background work. */
  dispatch(): void {
    this.#dispatch = true;
    this.#start();
  }

  /** Another orchestrator may have left background work behind. */
  expectStoredWork(): void {
    this.#storedWork = true;
  }

  /** Nobody loses a lease for the time of one lease: runners could not reach this orchestrator, or it could not hear them. */
  spareLeases(): void {
    this.#mayExpireFrom = this.#options.clock.now() + this.#options.settings.leaseDurationMs;
  }

  /** Grants nothing more, finishes what has been handed in, and answers the rest with UNAVAILABLE when the store is away. */
  async stop(): Promise<void> {
    this.#mayGrant = false;
    this.#stopped = true;
    this.#wake?.();
    await this.#running;
  }

  #start(): void {
    if (this.#running !== null) return;
    this.#running = this.#loop().finally(() => {
      this.#running = null;
      if (this.#hasWork()) this.#start();
    });
  }

  /** While it stops, only what was handed in is finished: the rest is in the store and waits for the next start. */
  #hasWork(): boolean {
    if (this.#stopped) return this.#waiting.length > 0;
    return this.#waiting.length > 0 || this.#tick || this.#dispatch;
  }

  async #loop(): Promise<void> {
    let failures = 0;
    while (this.#hasWork()) {
      // Let the frames that have arrived be read: they join this batch.
      await new Promise<void>((resolve) => setImmediate(resolve));
      const commands = this.#take();
      const committed = await this.#commit(commands).catch(async (error: unknown) => {
        failures++;
        this.#options.observer.transactionFailed();
        if (error instanceof StoreUnavailable) await this.#storeAway(commands, error, failures);
        else await this.#oneByOne(commands, error);
        return null;
      });
      if (committed !== null) {
        failures = 0;
        this.#listener.committed(committed);
      }
      if (this.#stopped && failures > 0) return this.#giveUp();
    }
  }

  #take(): Command[] {
    const { maxBatch } = this.#options.settings;
    let weight = 0;
    let count = 0;
    while (count < this.#waiting.length && weight < maxBatch) {
      const command = this.#waiting[count];
      if (command !== undefined) weight += weightOf(command);
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #commit(commands: readonly Command[]): Promise<Committed> {
    const { store, clock } = this.#options;
    const started = performance.now();
    const tick = this.#tick;
    this.#tick = false;
    this.#dispatch = false;
    const now = clock.now();
    const request = {
      commands,
      tick,
      mayExpire: now >= this.#mayExpireFrom,
      storedWork: this.#storedWork,
      mayGrant: this.#mayGrant,
    };
    this.#dispatcher.startBatch();
    let runs = 0;
    const { uow, context, result } = await store.transact(async (tx) => {
      if (++runs > 1) this.#options.observer.transactionRetried();
      const uow = new UnitOfWork(tx, now);
      const context = new BatchContext(uow, this.#options, this.#queues, this.#parts);
      return { uow, context, result: await runBatch(context, this.#dispatcher, request) };
    });
    this.#storedWork = result.moreWork;
    if (result.moreWork) this.#dispatch = true;
    return { uow, context, result, commands: commands.length, durationMs: performance.now() - started };
  }

  async #storeAway(commands: readonly Command[], error: StoreUnavailable, failures: number): Promise<void> {
    const kept = commands.filter((command) => !("reply" in command));
    for (const command of commands) if ("reply" in command) command.reply.reject(error);
    this.#waiting = [...kept, ...this.#waiting];
    this.#dispatch = true;
    this.#storedWork = true;
    const waitMs = Math.min(50 * 2 ** failures, 2_000);
    this.#options.logger.warn({ err: error, waitMs }, "the store is away; trying again");
    await this.#sleep(waitMs);
    // Before it is tried again: the first step that succeeds must not take away what nobody could renew.
    this.spareLeases();
  }

  async #oneByOne(commands: readonly Command[], error: unknown): Promise<void> {
    const { logger } = this.#options;
    if (commands.length <= 1) {
      logger.error({ err: error, command: commands[0]?.kind ?? "none" }, "a command failed");
      for (const command of commands) this.#fail(command, error);
      if (commands.length === 0) await this.#sleep(1_000);
      return;
    }
    logger.error({ err: error, commands: commands.length }, "a batch failed; its commands are tried one by one");
    for (const [index, command] of commands.entries()) {
      let committed: Committed;
      try {
        committed = await this.#commit([command]);
      } catch (cause) {
        if (cause instanceof StoreUnavailable) return this.#storeAway(commands.slice(index), cause, 1);
        logger.error({ err: cause, command: command.kind }, "a command failed");
        this.#fail(command, cause);
        continue;
      }
      this.#listener.committed(committed);
    }
  }

  #fail(command: Command, error: unknown): void {
    if ("reply" in command) {
      command.reply.reject(error);
      return;
    }
    this.#listener.sessionFailed(command.session);
  }

  #giveUp(): void {
    const error = new StoreUnavailable("the orchestrator stopped while its store was away");
    for (const command of this.#waiting) if ("reply" in command) command.reply.reject(error);
    this.#waiting = [];
    this.#tick = false;
    this.#dispatch = false;
  }

  #sleep(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
