import { StoreUnavailable } from "../store/store.ts";
import type { BatchRequest, BatchResult } from "./batch.ts";
import { runBatch, runRenewal } from "./batch.ts";
import { BatchContext } from "./batch-context.ts";
import type { Command } from "./commands.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { Inbox, type Pending } from "./inbox.ts";
import type { LiveSession } from "./live-session.ts";
import { PartReader } from "./parts.ts";
import type { QueueRegistry } from "./queue-registry.ts";
import { isRenewalUrgent } from "./renew.ts";
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

/** A step that has met others more often than this grants nothing. */
const RUNS_WITH_GRANTS = 2;

/**
 * Where others work on the same store, so many steps with background work alone may come before one with commands. Others wait for the tasks that it
 * makes, and two short steps are less in their way than a long one.
 */
const WORK_TURNS = 3;

/** What a step is for, when there is more than it should do at once. */
type Turn = "all" | "work" | "commands";

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
 * When the store is away, commands with a caller are answered with that at once, and when it does not answer at all, as soon as their patience has run out;
 * what sessions have reported stays and is tried again, so that no runner has to notice. When a batch fails for another reason, its commands are
 * tried one by one, so that only the one at fault fails.
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
  readonly #inbox: Inbox;
  #tick = false;
  #dispatch = false;
  #storedWork = true;
  /** The last batch did not finish the background work, or left it to the next one. */
  #isWorkUnfinished = false;
  /** Batches in a row that did background work alone. */
  #workTurns = 0;
  #cancelLater: (() => void) | null = null;
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
    this.#inbox = new Inbox(options.clock, options.settings.patienceMs);
    this.#mayExpireFrom = options.clock.now() + options.settings.leaseDurationMs;
  }

  /** Hands in a command for the next batch. */
  add(command: Command): void {
    this.#inbox.add(command);
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

  /** Asks for the same later, in milliseconds: what is claimable was left to other orchestrators. What is asked for last counts. */
  dispatchLater(afterMs: number): void {
    if (this.#stopped) return;
    this.#cancelLater?.();
    this.#cancelLater = this.#options.clock.after(afterMs, () => {
      this.#cancelLater = null;
      this.dispatch();
    });
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
    this.#cancelLater?.();
    this.#wake?.();
    await this.#running;
    this.#giveUp();
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
    if (this.#stopped) return !this.#inbox.isEmpty;
    return !this.#inbox.isEmpty || this.#tick || this.#dispatch;
  }

  async #loop(): Promise<void> {
    let failures = 0;
    while (this.#hasWork()) {
      // Let the frames that have arrived be read: they join this batch.
      await new Promise<void>((resolve) => setImmediate(resolve));
      const turn = this.#nextTurn();
      const commands = turn === "work" ? [] : this.#inbox.take(this.#options.settings.maxBatch);
      const committed = await this.#commit(commands, { turn, mayPutOff: true }).catch(async (error: unknown) => {
        failures++;
        this.#options.observer.transactionFailed();
        if (error instanceof StoreUnavailable) await this.#storeAway(commands, error, failures);
        else await this.#oneByOne(commands, error);
        return null;
      });
      if (committed !== null) {
        failures = 0;
        this.#inbox.done();
        this.#listener.committed(committed);
      }
      if (this.#stopped && failures > 0) return this.#giveUp();
    }
  }

  #nextTurn(): Turn {
    const isCrowded = this.#isWorkUnfinished && !this.#inbox.isEmpty && !this.#stopped;
    if (this.#options.store.sharing === "exclusive" || !isCrowded) return "all";
    this.#workTurns = (this.#workTurns + 1) % (WORK_TURNS + 1);
    return this.#workTurns === 0 ? "commands" : "work";
  }

  /** `mayPutOff`: a step that others keep in suspense while leases run out may renew these, and leave the rest to the next one. */
  async #commit(
    pending: readonly Pending[],
    { turn, mayPutOff }: { readonly turn: Turn; readonly mayPutOff: boolean },
  ): Promise<Committed> {
    const { store, clock, observer, settings } = this.#options;
    const started = performance.now();
    const startedAt = clock.now();
    const longest = settings.leaseDurationMs / 3;
    const { tick, storedWork } = this.#takeRequests();
    this.#dispatcher.startBatch();
    let runs = 0;
    let commands: Command[] = [];
    let request: BatchRequest | undefined;
    let isPutOff = false;
    const { uow, context, result } = await store.transact(async (tx) => {
      if (++runs > 1) observer.transactionRetried();
      const now = clock.now();
      const uow = new UnitOfWork(tx, now);
      const context = new BatchContext(uow, this.#options, this.#queues, this.#parts);
      isPutOff = mayPutOff && runs > 1 && isRenewalUrgent(this.#dispatcher, now, settings.leaseDurationMs);
      if (isPutOff) return { uow, context, result: await runRenewal(context, this.#dispatcher) };
      commands = pending.flatMap((one) => (one.isGivenUp ? [] : one.command));
      request = {
        commands,
        tick,
        mayExpire: now >= this.#mayExpireFrom && now - startedAt <= longest,
        // What met others leaves the work that nobody waits for to the next batch: the shorter it is, the less it meets.
        storedWork: storedWork && turn !== "commands" && (runs === 1 || commands.length === 0),
        // What keeps meeting others settles first, and claims in the next batch.
        mayGrant: this.#mayGrant && turn !== "work" && runs <= RUNS_WITH_GRANTS,
      };
      return { uow, context, result: await runBatch(context, this.#dispatcher, request) };
    });
    const durationMs = performance.now() - started;
    // Nobody could renew a lease meanwhile.
    if (clock.now() - startedAt > longest) this.spareLeases();
    if (isPutOff) {
      this.#putOff(pending, { tick, storedWork });
      return { uow, context, result, commands: 0, durationMs };
    }
    this.#isWorkUnfinished = result.moreWork || (storedWork && request?.storedWork === false);
    this.#storedWork ||= this.#isWorkUnfinished;
    this.#dispatch ||= this.#isWorkUnfinished;
    return { uow, context, result, commands: commands.length, durationMs };
  }

  /** What a step was asked for is left to the next one. */
  #putOff(pending: readonly Pending[], { tick, storedWork }: { readonly tick: boolean; readonly storedWork: boolean }) {
    this.#inbox.putBack(pending);
    this.#tick ||= tick;
    this.#storedWork ||= storedWork;
    this.#dispatch = true;
  }

  /** What the batch that begins is asked for besides its commands. */
  #takeRequests(): { readonly tick: boolean; readonly storedWork: boolean } {
    const requests = { tick: this.#tick, storedWork: this.#storedWork };
    this.#tick = false;
    this.#dispatch = false;
    this.#storedWork = false;
    return requests;
  }

  async #storeAway(pending: readonly Pending[], error: StoreUnavailable, failures: number): Promise<void> {
    this.#inbox.giveBack(pending, error);
    this.#dispatch = true;
    this.#storedWork = true;
    const waitMs = Math.min(50 * 2 ** failures, 2_000);
    this.#options.logger.warn({ err: error, waitMs }, "the store is away; trying again");
    await this.#sleep(waitMs);
    // Before it is tried again: the first step that succeeds must not take away what nobody could renew.
    this.spareLeases();
  }

  async #oneByOne(pending: readonly Pending[], error: unknown): Promise<void> {
    const { logger } = this.#options;
    if (pending.length <= 1) {
      logger.error({ err: error, command: pending[0]?.command.kind ?? "none" }, "a command failed");
      for (const { command } of pending) this.#fail(command, error);
      if (pending.length === 0) await this.#sleep(1_000);
      return;
    }
    logger.error({ err: error, commands: pending.length }, "a batch failed; its commands are tried one by one");
    for (const [index, one] of pending.entries()) {
      if (one.isGivenUp) continue;
      let committed: Committed;
      try {
        committed = await this.#commit([one], { turn: "all", mayPutOff: false });
      } catch (cause) {
        if (cause instanceof StoreUnavailable) return this.#storeAway(pending.slice(index), cause, 1);
        logger.error({ err: cause, command: one.command.kind }, "a command failed");
        this.#fail(one.command, cause);
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
    this.#inbox.close(new StoreUnavailable("the orchestrator has stopped"));
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
