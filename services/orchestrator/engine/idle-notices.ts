import type { WorkItem } from "../domain/records.ts";
import type { Store } from "../store/store.ts";
import type { Clock } from "./clock.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { LiveSession } from "./live-session.ts";
import type { QueueRefresh } from "./queue-refresh.ts";
import type { EngineLogger } from "./settings.ts";

/** Tells runners that asked for it when nothing is queued or running for them anywhere. */
export interface IdleNotices {
  /** Something has changed: look whom that concerns. */
  check(): void;
  stop(): void;
}

/** Where this is the only orchestrator: what is known of the queues is exact after each commit. */
export function exactIdleNotices(dispatcher: Dispatcher): IdleNotices {
  return {
    check() {
      for (const session of dispatcher.idleSessions()) tellIdle(session);
    },
    stop() {},
  };
}

/** No oftener than this is the store asked whether runners are idle. */
const PACE_MS = 100;
/** Work that queues something sooner or later. */
const MAKES_QUEUED: readonly WorkItem["kind"][] = ["align", "release", "unpack"];
/** More work than this in the store, and nobody is called idle. */
const WORK_LOOKED_AT = 100;

interface Parts {
  readonly store: Store;
  readonly dispatcher: Dispatcher;
  readonly refresh: QueueRefresh;
  readonly clock: Clock;
  readonly logger: EngineLogger;
}

/**
 * Where others work on the same store: only what is read there after a session has come to hold nothing says that it is idle. First one consistent
 * look at the numbers of the queues that are known and at the background work; then at the list of queues, in case somebody had made another one.
 */
export class SharedIdleNotices implements IdleNotices {
  readonly #parts: Parts;
  #busy = false;
  #again = false;
  #lastLook = Number.NEGATIVE_INFINITY;
  #cancel = (): void => {};
  #stopped = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  check(): void {
    const { dispatcher, clock } = this.#parts;
    if (this.#stopped || dispatcher.unoccupiedSessions().length === 0) return;
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    const early = this.#lastLook + PACE_MS - clock.now();
    if (early <= 0) void this.#look();
    else this.#cancel = clock.after(early, () => void this.#look());
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #look(): Promise<void> {
    const { dispatcher, clock, logger, refresh } = this.#parts;
    this.#lastLook = clock.now();
    this.#again = false;
    const before = dispatcher.unoccupiedSessions().map((session) => ({
      session,
      granted: session.granted,
      queueIds: session.queueIds,
    }));
    try {
      const busy = await this.#readBusy(before.flatMap(({ queueIds }) => queueIds));
      await refresh.run();
      const idle = new Set(dispatcher.idleSessions());
      for (const { session, granted, queueIds } of before) {
        if (busy === null || queueIds.some((id) => busy.has(id))) continue;
        if (!idle.has(session) || session.granted !== granted) continue;
        // Queues are only ever added.
        if (session.queueIds.length === queueIds.length) tellIdle(session);
        else this.#again = true;
      }
    } catch (error) {
      logger.debug({ err: error }, "nobody can be told to be idle: the store does not answer");
    }
    this.#busy = false;
    if (this.#again) this.check();
  }

  /** Which of these queues hold something; null: there is work that may queue something anywhere. */
  #readBusy(queueIds: readonly number[]): Promise<ReadonlySet<number> | null> {
    return this.#parts.store.transact(async (tx) => {
      const work = await tx.workItems(WORK_LOOKED_AT);
      if (work.length === WORK_LOOKED_AT || work.some((item) => MAKES_QUEUED.includes(item.kind))) return null;
      const numbers = await tx.loadQueues([...new Set(queueIds)]);
      return new Set(numbers.filter((queue) => queue.queued > 0 || queue.running > 0).map((queue) => queue.id));
    });
  }
}

function tellIdle(session: LiveSession): void {
  session.idleSent = true;
  session.sink.idle();
}
