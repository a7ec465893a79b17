import { setTimeout as wait } from "node:timers/promises";
import type { ChangeStream, ChangeStreamDocument } from "mongodb";
import type { Wakeup } from "../store.ts";
import type { Connection, StoreLogger } from "./database.ts";
import type { ReplicaRow } from "./rows.ts";

type Listener = (wakeup: Wakeup | null) => void;

/**
 * Tells listeners what other processes have committed, as a change stream on their rows reports it. While there is no stream the rows are read
 * at intervals, and whatever has changed counts as "anything may have happened".
 */
export class Feed {
  readonly #connection: Connection;
  readonly #ownSlot: () => number;
  readonly #logger: StoreLogger;
  /** Whether it was said that there is no stream. */
  #isBroken = false;
  readonly #listeners = new Set<Listener>();
  #stream: ChangeStream<ReplicaRow> | null = null;
  #running: Promise<void> | null = null;
  /** The last transaction of each slot, as it was polled. */
  readonly #seen = new Map<number, string>();
  readonly #stopping = new AbortController();

  constructor(connection: Connection, ownSlot: () => number, logger: StoreLogger) {
    this.#connection = connection;
    this.#ownSlot = ownSlot;
    this.#logger = logger;
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    this.#running ??= this.#run();
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#stream?.close().catch(() => {});
    await this.#running;
  }

  async #run(): Promise<void> {
    let resumeAfter: unknown;
    while (!this.#stopping.signal.aborted) {
      try {
        resumeAfter = await this.#follow(resumeAfter);
      } catch (error) {
        // Too old to go on from, or the database is away: begin anew.
        resumeAfter = undefined;
        this.#sayBroken(error);
      }
      await this.#poll();
    }
  }

  /** Follows a stream until it breaks. Returns where to go on. */
  async #follow(resumeAfter: unknown): Promise<unknown> {
    const options = resumeAfter === undefined ? {} : { resumeAfter };
    const stream = this.#connection.rows.replica.watch<ReplicaRow>([], { ...options, maxAwaitTimeMS: AWAIT_MS });
    this.#stream = stream;
    try {
      // The first answer says that the stream stands; what was committed before it may have been missed.
      let change = await stream.tryNext();
      if (resumeAfter === undefined) this.#tell(null);
      this.#sayMended();
      for (;;) {
        if (change !== null) this.#tellChange(change);
        if (this.#stopping.signal.aborted) return undefined;
        change = await stream.next();
      }
    } catch (error) {
      const token = stream.resumeToken;
      if (resumeAfter !== undefined || token === undefined) throw error;
      return token;
    } finally {
      await stream.close().catch(() => {});
    }
  }

  /** Looks once more or less often until the database answers. */
  async #poll(): Promise<void> {
    for (let round = 0; round < POLLS_BETWEEN_STREAMS; round++) {
      if (this.#stopping.signal.aborted) return;
      try {
        let changed = false;
        for (const { _id, tx } of await this.#connection.rows.replica.find().toArray()) {
          if (_id !== this.#ownSlot() && this.#seen.get(_id) !== tx) changed = true;
          this.#seen.set(_id, tx);
        }
        if (changed) this.#tell(null);
      } catch {
        // Away as well: nothing can have happened.
      }
      await wait(POLL_MS, undefined, { ref: false, signal: this.#stopping.signal }).catch(() => {});
    }
  }

  #sayBroken(error: unknown): void {
    if (this.#isBroken || this.#stopping.signal.aborted) return;
    this.#isBroken = true;
    this.#logger.warn({ err: error }, "no change stream: what other orchestrators queue is found by polling");
  }

  #sayMended(): void {
    if (this.#isBroken) this.#logger.info({}, "the change stream is back");
    this.#isBroken = false;
  }

  #tellChange(change: ChangeStreamDocument<ReplicaRow>): void {
    if (!("documentKey" in change) || Number(change.documentKey?._id) === this.#ownSlot()) return;
    const wakeup = wakeupIn(change);
    if (wakeup === undefined) return;
    this.#tell(decodeWakeup(wakeup));
    if (wakeup.all) this.#tell(null);
  }

  #tell(wakeup: Wakeup | null): void {
    for (const listener of this.#listeners) listener(wakeup);
  }
}

const AWAIT_MS = 1_000;
const POLL_MS = 200;
const POLLS_BETWEEN_STREAMS = 3;

function wakeupIn(change: ChangeStreamDocument<ReplicaRow>): ReplicaRow["wakeup"] {
  if (change.operationType === "update") return change.updateDescription.updatedFields?.wakeup;
  return change.operationType === "insert" || change.operationType === "replace"
    ? change.fullDocument.wakeup
    : undefined;
}

function decodeWakeup({ queues, jobs, over, canceled }: NonNullable<ReplicaRow["wakeup"]>): Wakeup {
  return { queueIds: queues, jobIds: jobs, overJobIds: over, canceledJobIds: canceled };
}
