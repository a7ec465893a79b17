import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { MongoServerError } from "mongodb";
import type { Wakeup } from "../store.ts";
import type { Connection, StoreLogger } from "./database.ts";
import type { BeatRow, ReplicaRow } from "./rows.ts";
import type { Step } from "./step.ts";
import { PARTS } from "./task-codec.ts";

/**
 * This process among those on the database. It holds a slot: a small number under which it keeps rows of its own where all processes count
 * something. Each of its transactions writes the slot's row, and so
 *
 * - a process that was taken for dead, and whose slot was given to another, cannot commit anything under it;
 * - after a commit whose answer was lost, the row says whether it happened;
 * - the others read there what it left for them to act on.
 */
export class Replica {
  readonly #connection: Connection;
  readonly #beatMs: number;
  readonly #logger: StoreLogger;
  readonly #owner = randomUUID();
  #slot = 0;
  #claimedAt = Number.NEGATIVE_INFINITY;
  /** Slots of processes that are alive and want tasks, in order. */
  #claiming: readonly number[] = [];
  #liveCount = 1;
  /** What the clock of the database is ahead of this process's. */
  #clockOffset = 0;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | null = null;
  #stopped = false;

  private constructor(connection: Connection, beatMs: number, logger: StoreLogger) {
    this.#connection = connection;
    this.#beatMs = beatMs;
    this.#logger = logger;
  }

  /** Takes a slot. */
  static async join(connection: Connection, beatMs: number, logger: StoreLogger): Promise<Replica> {
    const replica = new Replica(connection, beatMs, logger);
    await replica.#takeSlot();
    replica.#schedule(beatMs);
    return replica;
  }

  get slot(): number {
    return this.#slot;
  }

  /** How many processes there are, this one included: as of the last beat. */
  get liveCount(): number {
    return Math.max(1, this.#liveCount);
  }

  /** Takes another slot, after this process was taken for dead. */
  async rejoin(): Promise<void> {
    this.#logger.warn({ slot: this.#slot }, "this orchestrator was taken for dead; it takes another slot and goes on");
    await this.#takeSlot();
  }

  async #takeSlot(): Promise<void> {
    const now = await this.#beat(TRYING_SLOT);
    const beats = new Map((await this.#connection.rows.beat.find().toArray()).map((beat) => [beat._id, beat]));
    const taken = new Map((await this.#connection.rows.replica.find().toArray()).map((row) => [row._id, row]));
    for (let slot = 0; ; slot++) {
      const row = taken.get(slot);
      const beat = beats.get(slot);
      if (row !== undefined && beat !== undefined && now - beat.at.getTime() < STALE_MS) continue;
      if (await this.#take(slot, row)) break;
    }
    await this.#connection.rows.beat.deleteOne({ _id: TRYING_SLOT, owner: this.#owner });
    await this.#lookAround();
    this.#logger.info({ slot: this.#slot, orchestrators: this.liveCount }, "joined the database");
  }

  /** Adds to a step what makes its commit known, and what others are told. Returns its name. */
  mark(step: Step, wakeup: Wakeup | null): string {
    const tx = randomUUID();
    const { rows } = this.#connection;
    const set: { tx: string; wakeup?: NonNullable<ReplicaRow["wakeup"]> } = { tx };
    if (wakeup !== null) set.wakeup = encodeWakeup(tx, wakeup);
    // When the slot is somebody else's by now, this tries to insert a second row with its number, which fails.
    step.update(rows.replica, { _id: this.#slot, owner: this.#owner }, { $set: set }, true);
    return tx;
  }

  /**
   * Whether a transaction that `mark` has named was committed. From then on it cannot be any more: it has written the row that this writes, so only
   * one of the two takes effect.
   */
  async wasCommitted(tx: string): Promise<boolean> {
    const { rows } = this.#connection;
    const slot = this.#slot;
    const before = await rows.replica.findOneAndUpdate(
      { _id: slot, owner: this.#owner },
      { $set: { fence: randomUUID() } },
      { returnDocument: "before" },
    );
    if (before !== null) return before.tx === tx;
    const taken = await rows.replica.findOne({ _id: slot });
    return taken?.past?.some((past) => past.owner === this.#owner && past.tx === tx) ?? false;
  }

  /** This process looks for tasks. */
  noteClaim(): void {
    const isNews = performance.now() - this.#claimedAt > CLAIMING_MS;
    this.#claimedAt = performance.now();
    if (isNews) this.#schedule(0);
  }

  /**
   * The parts of the claimable tasks that are this process's for now; null: all. They move on from process to process every few seconds, so that no task
   * has to wait for long for a process whose runners cannot take it.
   */
  ownParts(): readonly number[] | null {
    const others = this.#claiming.filter((slot) => slot !== this.#slot);
    if (others.length === 0) return null;
    const all = [...others, this.#slot].sort((a, b) => a - b);
    const turn = Math.floor((Date.now() + this.#clockOffset) / TURN_MS);
    const own = all.indexOf(this.#slot);
    return Array.from({ length: PARTS }, (_, part) => part).filter((part) => (part + turn) % all.length === own);
  }

  /** Gives the slot up. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#beating;
    await Promise.race([this.#leave(), wait(LEAVE_MS, undefined, { ref: false })]);
  }

  async #leave(): Promise<void> {
    await this.#connection.rows.beat.deleteOne({ _id: this.#slot, owner: this.#owner }).catch(() => {});
  }

  async #take(slot: number, row: ReplicaRow | undefined): Promise<boolean> {
    const { rows } = this.#connection;
    if (row === undefined) {
      try {
        await rows.replica.insertOne({ _id: slot, owner: this.#owner, tx: "" });
      } catch (error) {
        if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false;
        throw error;
      }
    } else {
      const past = [{ owner: row.owner, tx: row.tx }, ...(row.past ?? [])].slice(0, MOST_PAST);
      const { matchedCount } = await rows.replica.updateOne(
        { _id: slot, owner: row.owner, tx: row.tx },
        { $set: { owner: this.#owner, tx: "", past }, $unset: { wakeup: "" } },
      );
      if (matchedCount === 0) return false;
    }
    this.#slot = slot;
    await this.#beat(slot);
    return true;
  }

  #schedule(afterMs: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // A beat that fails says the same as none: the database is away, or will take this process for dead.
      this.#beating = this.#beatAndLook().catch(() => {});
      void this.#beating.then(() => this.#schedule(this.#beatMs));
    }, afterMs);
    this.#timer.unref();
  }

  async #beatAndLook(): Promise<void> {
    await this.#beat(this.#slot);
    await this.#lookAround();
  }

  /** Returns the time by the clock of the database. */
  async #beat(slot: number): Promise<number> {
    const claiming = performance.now() - this.#claimedAt < CLAIMING_MS;
    const beat = await this.#connection.rows.beat.findOneAndUpdate(
      { _id: slot },
      [{ $set: { owner: this.#owner, at: "$$NOW", claiming } }],
      { upsert: true, returnDocument: "after" },
    );
    const now = beat?.at.getTime() ?? Date.now();
    this.#clockOffset = now - Date.now();
    return now;
  }

  async #lookAround(): Promise<void> {
    const beats = await this.#connection.rows.beat.find().toArray();
    const now = Date.now() + this.#clockOffset;
    const live = beats.filter((beat) => beat._id !== TRYING_SLOT && isLive(beat, now, this.#beatMs));
    this.#liveCount = live.length;
    this.#claiming = live.filter((beat) => beat.claiming).map((beat) => beat._id);
  }
}

const DUPLICATE_KEY = 11_000;
/** Where a process beats that has no slot yet: to learn what time it is. */
const TRYING_SLOT = -1;
/** A slot is given to another process when nothing was heard of its owner for this long. */
const STALE_MS = 30_000;
/** Beats that may be missed before a process is left out when work is divided. */
const MISSED_BEATS = 5;
/** A process is taken to want tasks for this long after it looked for some. */
const CLAIMING_MS = 60_000;
const TURN_MS = 2_000;
const LEAVE_MS = 1_000;
/** Earlier owners of a slot whose last transaction is remembered. */
const MOST_PAST = 8;
/** Above this it is simpler for all to look everywhere. */
const MOST_LISTED = 500;

function isLive(beat: BeatRow, now: number, beatMs: number): boolean {
  return now - beat.at.getTime() < MISSED_BEATS * beatMs;
}

function encodeWakeup(tx: string, wakeup: Wakeup): NonNullable<ReplicaRow["wakeup"]> {
  const { queueIds, jobIds, canceledJobIds } = wakeup;
  const all = queueIds.length + jobIds.length + canceledJobIds.length > MOST_LISTED;
  if (all) return { tx, queues: [], jobs: [], canceled: canceledJobIds, all };
  return { tx, queues: queueIds, jobs: jobIds, canceled: canceledJobIds, all };
}
