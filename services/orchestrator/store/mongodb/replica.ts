import { randomUUID } from "node:crypto";
import type { Wakeup } from "../store.ts";
import { type OwnParts, ownParts } from "./claim-parts.ts";
import { type Connection, endTransactions, type SessionId, type StoreLogger } from "./database.ts";
import { failureOf } from "./errors.ts";
import type { BeatRow, ReplicaRow } from "./rows.ts";
import type { Step } from "./step.ts";

/**
 * This process among those on the database. It holds a slot: a small number under which it keeps rows of its own where all processes count
 * something. Each of its transactions writes the slot's row (`replica`), and so
 *
 * - a process that was taken for dead, and whose slot was given to another, cannot commit anything under it;
 * - after a commit whose answer was lost, the row says whether it happened;
 * - the others read there what it left for them to act on.
 *
 * Who has the slot is decided in another row (`beat`), in which the process says every second that it is alive. It also names the session of its
 * transactions: the server keeps what a dead process has left open for a minute, and all others out of its rows, so whoever notices the silence
 * ends it before that, and whoever is kept out listens more closely.
 */
export class Replica {
  readonly #connection: Connection;
  readonly #beatMs: number;
  readonly #logger: StoreLogger;
  readonly #owner = randomUUID();
  #slot = 0;
  /** When this process last looked for tasks, and whether it got as many as it wanted. */
  #claimedAt = Number.NEGATIVE_INFINITY;
  #isServed = false;
  /** Slots of processes that are alive and want tasks, in order. */
  #claiming: readonly number[] = [];
  #live: readonly number[] = [];
  /** What the clock of the database is ahead of this process's. */
  #clockOffset = 0;
  /** In which this process's transactions run. */
  #session: SessionId | null = null;
  /** When it was last asked who is silent. */
  #listenedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | null = null;
  #joining: Promise<void> | null = null;
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

  /** Slots of the processes that there are, this one included, in ascending order: as of the last beat. */
  liveSlots(): number[] {
    return this.#withOwn(this.#live);
  }

  /** Takes another slot than the one that was lost, after this process was taken for dead. */
  async rejoin(lost: number): Promise<void> {
    if (this.#slot !== lost) return;
    this.#logger.warn({ slot: lost }, "this orchestrator was taken for dead; it takes another slot and goes on");
    await this.#takeSlot();
  }

  /** Resolves when others know in which session this process's transactions run from now on. */
  async runIn(session: SessionId): Promise<void> {
    this.#session = session;
    await this.#beat();
  }

  /** Adds to a step what makes its commit known, and what others are told. Returns its name. */
  mark(step: Step, wakeup: Wakeup | null): string {
    const tx = randomUUID();
    const { rows } = this.#connection;
    const set: { tx: string; wakeup?: NonNullable<ReplicaRow["wakeup"]> } = { tx };
    if (wakeup !== null) set.wakeup = encodeWakeup(tx, wakeup);
    // When the slot is somebody else's by now, this tries to insert a second row with its number, which fails.
    step.update(rows.replica, { _id: step.slot, owner: this.#owner }, { $set: set }, true);
    return tx;
  }

  /**
   * Whether a transaction that `mark` has named was committed, under this slot. From then on it cannot be any more: it has written the row that this
   * writes, so only one of the two takes effect.
   */
  async wasCommitted(tx: string, slot: number): Promise<boolean> {
    const { rows } = this.#connection;
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
    const isNews = !this.#isClaiming();
    this.#claimedAt = performance.now();
    this.#isServed = false;
    if (isNews) this.#schedule(0);
  }

  /** It got as many as it wanted. */
  noteServed(): void {
    this.#isServed = true;
  }

  /** The parts of the claimable tasks that are this process's for now; null: all. For `graceMs` see `Division`. */
  ownParts(graceMs: number): OwnParts | null {
    const claiming = this.#withOwn(this.#claiming);
    if (claiming.length === 1) return null;
    return ownParts({ claiming, slot: this.#slot, now: Date.now() + this.#clockOffset, graceMs });
  }

  /**
   * A step of this process is kept out of rows by another one. If that one is dead, what it has left open is ended. To be called as often as one
   * likes: it asks the database at most four times a beat.
   */
  async endSilent(): Promise<void> {
    const now = performance.now();
    if (now - this.#listenedAt < this.#beatMs / 4) return;
    this.#listenedAt = now;
    // Silent is who misses beats while this process's own arrive: when the database is slow, it is slow for all.
    await this.#beat();
    const beats = await this.#connection.rows.beat.find().toArray();
    const own = beats.find(({ _id, owner }) => _id === this.#slot && owner === this.#owner);
    if (own === undefined) return;
    const isSilent = (beat: BeatRow) => own.at.getTime() - beat.at.getTime() >= SUSPICIOUS_BEATS * this.#beatMs;
    for (const beat of beats) if (isSilent(beat)) await this.#endTransactionsOf(beat);
  }

  /** Gives the slot up. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#beating;
    await this.#connection.rows.beat.deleteOne({ _id: this.#slot, owner: this.#owner }).catch(() => {});
  }

  #withOwn(slots: readonly number[]): number[] {
    return [...new Set([...slots, this.#slot])].sort((a, b) => a - b);
  }

  #takeSlot(): Promise<void> {
    this.#joining ??= this.#takeFirst().finally(() => {
      this.#joining = null;
    });
    return this.#joining;
  }

  /** Takes the first slot of whose owner nothing was heard for long. */
  async #takeFirst(): Promise<void> {
    const { rows, client } = this.#connection;
    const { localTime } = await client.db("admin").command({ hello: 1 });
    this.#clockOffset = localTime.getTime() - Date.now();
    const beats = new Map((await rows.beat.find().toArray()).map((beat) => [beat._id, beat]));
    for (let slot = 0; ; slot++) {
      const beat = beats.get(slot);
      if (beat !== undefined && localTime.getTime() - beat.at.getTime() < STALE_MS) continue;
      if (await this.#take(slot, beat)) break;
    }
    await this.#lookAround();
    this.#logger.info({ slot: this.#slot, orchestrators: this.liveSlots().length }, "joined the database");
  }

  /** Of several who want a slot at the same time the one who writes its beat gets it. */
  async #take(slot: number, last: BeatRow | undefined): Promise<boolean> {
    const { rows } = this.#connection;
    const mine = { owner: this.#owner, at: "$$NOW", ...this.#state() };
    const filter =
      last === undefined ? { _id: slot, owner: this.#owner } : { _id: slot, owner: last.owner, at: last.at };
    try {
      const { matchedCount } = await rows.beat.updateOne(filter, [{ $set: mine }], { upsert: last === undefined });
      if (last !== undefined && matchedCount === 0) return false;
    } catch (error) {
      if (failureOf(error) === "slot-lost") return false;
      throw error;
    }
    await this.#takeOver(slot);
    this.#slot = slot;
    return true;
  }

  /** From here on the earlier owner of the slot cannot commit anything under it. Until then it may: then it is tried again. */
  async #takeOver(slot: number): Promise<void> {
    const { rows } = this.#connection;
    for (;;) {
      const row = await rows.replica.findOne({ _id: slot });
      const past = row === null ? [] : [{ owner: row.owner, tx: row.tx }, ...(row.past ?? [])].slice(0, MOST_PAST);
      const { matchedCount, upsertedCount } = await rows.replica.updateOne(
        row === null ? { _id: slot, owner: this.#owner } : { _id: slot, owner: row.owner, tx: row.tx },
        { $set: { owner: this.#owner, tx: "", past }, $unset: { wakeup: "" } },
        { upsert: row === null },
      );
      if (matchedCount + upsertedCount > 0) return;
    }
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
    await this.#beat();
    await this.#lookAround();
  }

  async #lookAround(): Promise<void> {
    // Before it is asked: a slow answer must not make the others look silent.
    const now = Date.now() + this.#clockOffset;
    const beats = await this.#connection.rows.beat.find().toArray();
    const isLive = (beat: BeatRow) => now - beat.at.getTime() < MISSED_BEATS * this.#beatMs;
    const live = beats.filter(isLive);
    this.#live = live.map((beat) => beat._id);
    this.#claiming = live.filter((beat) => beat.claiming).map((beat) => beat._id);
    for (const beat of beats) if (!isLive(beat)) await this.#endTransactionsOf(beat);
  }

  /** Says that this process is alive. When another one has the slot, takes another. */
  async #beat(): Promise<void> {
    const slot = this.#slot;
    try {
      const beat = await this.#connection.rows.beat.findOneAndUpdate(
        { _id: slot, owner: this.#owner },
        [{ $set: { at: "$$NOW", ...this.#state() } }],
        { upsert: true, returnDocument: "after" },
      );
      if (beat !== null) this.#clockOffset = beat.at.getTime() - Date.now();
    } catch (error) {
      if (failureOf(error) !== "slot-lost") throw error;
      await this.rejoin(slot);
    }
  }

  #state(): Pick<BeatRow, "claiming" | "session"> {
    const claiming = this.#isClaiming();
    return this.#session === null ? { claiming } : { claiming, session: this.#session.id };
  }

  /** Who was served and has not come again since has no room: what is claimable is not for him. */
  #isClaiming(): boolean {
    const agoMs = performance.now() - this.#claimedAt;
    return agoMs < (this.#isServed ? BEATS_SERVED * this.#beatMs : CLAIMING_MS);
  }

  async #endTransactionsOf({ _id, owner, session }: BeatRow): Promise<void> {
    if (session === undefined) return;
    this.#logger.warn({ slot: _id }, "nothing is heard of an orchestrator: what it may have left open is ended");
    await endTransactions(this.#connection, [{ id: session }]);
    await this.#connection.rows.beat.updateOne({ _id, owner, session }, { $unset: { session: "" } });
  }
}

/** A slot is given to another process when nothing was heard of its owner for this long. */
const STALE_MS = 30_000;
/**
 * Beats that may be missed before a process is left out when work is divided, and its transaction is ended: if it lives after all, it has to run one
 * step again.
 */
const MISSED_BEATS = 5;
/** Beats that may be missed by a process before its transaction is ended for the sake of one that is kept waiting. */
const SUSPICIOUS_BEATS = 2;
/** A process is taken to want tasks for this long after it looked for some and did not get all that it wanted. */
const CLAIMING_MS = 60_000;
/** And after one that was given all that it wanted, for so many beats. */
const BEATS_SERVED = 3;
/** Earlier owners of a slot whose last transaction is remembered. */
const MOST_PAST = 8;
/** Above this it is simpler for all to look everywhere. */
const MOST_LISTED = 500;

function encodeWakeup(tx: string, wakeup: Wakeup): NonNullable<ReplicaRow["wakeup"]> {
  const { queueIds, jobIds, overJobIds, canceledJobIds } = wakeup;
  const all = queueIds.length + jobIds.length + canceledJobIds.length > MOST_LISTED;
  if (all) return { tx, queues: [], jobs: [], over: [], canceled: canceledJobIds, all };
  return { tx, queues: queueIds, jobs: jobIds, over: overJobIds, canceled: canceledJobIds, all };
}
