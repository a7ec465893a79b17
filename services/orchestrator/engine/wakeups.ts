import type { Wakeup } from "../store/store.ts";
import type { Clock } from "./clock.ts";
import type { Committer } from "./committer.ts";
import { runningOfCanceled, thoseOfCanceledJobs } from "./control.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { IdleNotices } from "./idle-notices.ts";
import type { Notifier } from "./notifier.ts";
import type { QueueRefresh } from "./queue-refresh.ts";
import type { QueueRegistry } from "./queue-registry.ts";
import { tellRunners } from "./revoke.ts";
import type { EngineLogger } from "./settings.ts";
import { inBatch, type RunStep } from "./step.ts";

/** Leases that are looked up in one batch. */
const LEASES_PER_STEP = 1_000;
/** All of them are looked up no oftener than this. */
const LEASES_PACE_MS = 1_000;

interface Parts {
  readonly queues: QueueRegistry;
  readonly refresh: QueueRefresh;
  readonly dispatcher: Dispatcher;
  readonly committer: Pick<Committer, "dispatch" | "expectStoredWork">;
  readonly notifier: Notifier;
  readonly idle: IdleNotices;
  readonly run: RunStep;
  readonly clock: Clock;
  readonly logger: EngineLogger;
}

/**
 * Acts on what other orchestrators have committed to the same store. A wake-up is a hint, and one may get lost. What a lost one would have brought is
 * found with the next beat (tasks, queues, background work) or by a watcher's own poll; a runner whose cancel was lost is told when it reports on
 * the task, when it resumes its session, or when the store says that anything may have happened.
 */
export class Wakeups {
  readonly #parts: Parts;
  /** Something is still to be acted on: the store was away, or leases were looked up just before. */
  #missed = false;
  #leasesCheckedAt = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Takes in what the store heard. Never throws. */
  hear(wakeup: Wakeup | null): void {
    if (this.#stopped) return;
    if (wakeup === null) this.#everything();
    else this.#one(wakeup);
    this.#parts.idle.check();
  }

  /** To be called at a steady beat, before the batch that belongs to it. Finds what was not heard of. */
  beat(): void {
    const { queues, dispatcher, refresh, idle } = this.#parts;
    if (this.#missed) {
      this.hear(null);
      return;
    }
    dispatcher.hint(queues.ids());
    this.#guard(() => refresh.run());
    idle.check();
  }

  stop(): void {
    this.#stopped = true;
  }

  #one({ queueIds, jobIds, overJobIds, canceledJobIds }: Wakeup): void {
    const { notifier } = this.#parts;
    const over = new Set(overJobIds);
    for (const id of jobIds) notifier.notify(id, over.has(id));
    if (queueIds.length > 0) this.#guard(() => this.#queued(queueIds));
    for (const id of canceledJobIds) this.#guard(() => this.#canceled(id));
  }

  #everything(): void {
    const { dispatcher, queues, committer, notifier, refresh, clock } = this.#parts;
    this.#missed = false;
    notifier.notifyAll();
    committer.expectStoredWork();
    dispatcher.hint(queues.ids());
    committer.dispatch();
    this.#guard(() => refresh.run());
    if (clock.now() - this.#leasesCheckedAt >= LEASES_PACE_MS) this.#guard(() => this.#checkLeases());
    else this.#missed = true;
  }

  async #queued(queueIds: readonly number[]): Promise<void> {
    const { queues, refresh, dispatcher, committer } = this.#parts;
    if (queueIds.some((id) => !queues.has(id))) await refresh.run();
    if (dispatcher.hint(queueIds)) committer.dispatch();
  }

  async #canceled(jobId: string): Promise<void> {
    const { dispatcher, run } = this.#parts;
    if (this.#heldTasks().length === 0) return;
    const running = await inBatch(run, (context) => runningOfCanceled(context, jobId));
    tellRunners(dispatcher, running, "JOB_CANCELED");
  }

  /** Tells every runner here whose job was canceled. */
  async #checkLeases(): Promise<void> {
    const { dispatcher, run, clock } = this.#parts;
    this.#leasesCheckedAt = clock.now();
    const held = this.#heldTasks();
    for (let from = 0; from < held.length; from += LEASES_PER_STEP) {
      const ids = held.slice(from, from + LEASES_PER_STEP);
      const canceled = await inBatch(run, (context) => thoseOfCanceledJobs(context, ids));
      tellRunners(dispatcher, canceled, "JOB_CANCELED");
    }
  }

  #heldTasks(): string[] {
    return [...this.#parts.dispatcher.sessions.values()].flatMap((session) => [...session.held.keys()]);
  }

  #guard(act: () => Promise<void>): void {
    act().catch((error: unknown) => {
      this.#missed = true;
      this.#parts.logger.warn({ err: error }, "what others did could not be looked up; trying again at the next beat");
    });
  }
}
