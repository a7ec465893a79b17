import { type ClientSession, MongoError, type TransactionOptions } from "mongodb";
import type { JobRecord } from "../../domain/records.ts";
import type { NewChangeEntry } from "../store.ts";
import { changeRow } from "./changes.ts";
import { commit } from "./commit.ts";
import type { Connection } from "./database.ts";
import { failureOf } from "./errors.ts";
import {
  addTallies,
  decodeJob,
  EMPTY_TALLY,
  encodeJob,
  encodeStatus,
  isSameStatus,
  subtractTallies,
  type Tally,
  tallyOf,
  tallyOfRecord,
} from "./job-codec.ts";
import { findKept } from "./keeper.ts";
import type { JobRow, JobShardRow, Rows } from "./rows.ts";
import type { Step } from "./step.ts";

/**
 * Jobs as a step sees them.
 *
 * Every step that changes a task of a job changes the job's counts. Several processes that work on one large job would each time be in each
 * other's way, so they count in rows of their own (`job_shard`), which nobody else writes, and the job's row lists who does. What is more than
 * counting (the job's status, its end, a group of it that closes) must be ordered against everything else: whoever does that writes the job's row and
 * takes all the other rows back into it, and so is in the way of every step that counts at the same time: one of the two is run again. A process
 * that begins to count for itself writes the job's row as well, once.
 */
export class JobTable {
  readonly #step: Step;
  readonly #jobs = new Map<string, JobState>();

  constructor(step: Step) {
    this.#step = step;
  }

  async load(ids: readonly string[]): Promise<JobRecord[]> {
    await this.#ensure(ids);
    return ids.flatMap((id) => {
      const job = this.#jobs.get(id);
      return job === undefined ? [] : [recordOf(job)];
    });
  }

  async loadByIdempotencyKey(keys: readonly string[]): Promise<JobRecord[]> {
    const { rows } = this.#step;
    const found = await this.#step.find(rows.job, { key: { $in: [...keys], $gt: "" } });
    await this.#adopt(found);
    return this.load(found.map((row) => row._id));
  }

  /** Jobs that ended at `before` or earlier and are not being deleted, the oldest first. */
  async ended(before: number, limit: number): Promise<JobRecord[]> {
    const due = { field: "ended", now: before, limit, filter: { deleting: { $ne: true as const } } };
    const found = await findKept(this.#step, this.#step.rows.job, due);
    await this.#adopt(found);
    return this.load(found.map((row) => row._id));
  }

  /** New jobs, changed jobs, and entries of their change logs, in this order. */
  async write(
    inserts: readonly JobRecord[],
    updates: readonly JobRecord[],
    appends: readonly NewChangeEntry[],
  ): Promise<void> {
    const touched = new Set<JobState>();
    for (const record of inserts) {
      const job = newState(encodeJob(record, this.#step.slot), true);
      this.#jobs.set(record.id, job);
      touched.add(job);
    }
    await this.#ensure([...updates.map(({ id }) => id), ...appends.map(({ jobId }) => jobId)]);
    for (const record of updates) {
      const job = this.#need(record.id);
      this.#update(job, record);
      touched.add(job);
    }
    for (const { jobId, tasks } of appends) {
      const job = this.#need(jobId);
      const seq = this.#nextSeq(job);
      this.#step.insert(
        this.#step.rows.change,
        changeRow(job.main, job.shards.get(this.#step.slot), tasks, seq, this.#step.slot),
      );
      touched.add(job);
    }
    for (const job of touched) this.#flush(job);
  }

  #update(job: JobState, record: JobRecord): void {
    const { slot, sharing } = this.#step;
    const before = recordOf(job);
    const total = tallyOfRecord(record);
    if (!isSameStatus(before, record)) {
      this.#takeBack(job, total);
      job.main = { ...withoutStatus(job.main), ...encodeStatus(record), keeper: slot };
      return;
    }
    const isLarge = total.counts.reduce((sum, count) => sum + count, 0) >= sharing.fromTasks;
    if (job.shards.size === 0 && (!isLarge || job.isNew)) {
      setTally(job, total);
      return;
    }
    this.#count(job, subtractTallies(total, tallyOfRecord(before)));
  }

  /** Adds to what this process has counted in a row of its own. */
  #count(job: JobState, delta: Tally): void {
    const own = this.#own(job);
    const { counts, progress } = addTallies(tallyOf(own), delta);
    job.shards.set(this.#step.slot, { ...own, counts, progress });
    job.isOwnDirty = true;
  }

  /** This process's row. When there is none, all get theirs: one by one, each would be in the way of all others. */
  #own(job: JobState): JobShardRow {
    const { slot, sharing, rows } = this.#step;
    const own = job.shards.get(slot);
    if (own !== undefined) return own;
    const rowOf = (each: number): JobShardRow => ({ _id: shardId(job.main._id, each), ...EMPTY_TALLY, seq: 0, rev: 0 });
    for (const each of sharing.slots) {
      if (each === slot || job.shards.has(each)) continue;
      job.shards.set(each, rowOf(each));
      job.gone.delete(each);
      this.#step.replace(rows.job_shard, rowOf(each));
    }
    const made = rowOf(slot);
    job.shards.set(slot, made);
    const slots = [...new Set([...job.main.slots, ...sharing.slots])];
    job.main = { ...job.main, shards: [...job.shards.keys()], slots };
    job.isMainDirty = true;
    job.isOwnDirty = true;
    return made;
  }

  /** Counts everything in the job's row again. */
  #takeBack(job: JobState, total: Tally): void {
    job.main = { ...job.main, seq: lastSeq(job), shards: [] };
    for (const slot of job.shards.keys()) job.gone.add(slot);
    job.shards.clear();
    job.isOwnDirty = false;
    setTally(job, total);
  }

  /** A number above all that this step can see in the job's log. Whoever gives one writes the row that he took it from. */
  #nextSeq(job: JobState): number {
    const { slot } = this.#step;
    const seq = lastSeq(job) + 1;
    if (!job.main.slots.includes(slot)) {
      job.main = { ...job.main, slots: [...job.main.slots, slot] };
      job.isMainDirty = true;
    }
    if (job.shards.size === 0) {
      job.main = { ...job.main, seq };
      job.isMainDirty = true;
    } else {
      job.shards.set(slot, { ...this.#own(job), seq });
      job.isOwnDirty = true;
    }
    return seq;
  }

  #flush(job: JobState): void {
    const { rows, slot } = this.#step;
    if (job.isMainDirty || job.gone.size > 0) {
      job.main = { ...job.main, rev: job.main.rev + 1 };
      if (job.isNew) this.#step.insert(rows.job, job.main);
      else this.#step.replace(rows.job, job.main);
    }
    const own = job.shards.get(slot);
    const gone = [...job.gone].filter((each) => own === undefined || each !== slot);
    this.#step.deleteByIds(
      rows.job_shard,
      gone.map((each) => shardId(job.main._id, each)),
    );
    if (own !== undefined && job.isOwnDirty) {
      const next = { ...own, rev: own.rev + 1 };
      job.shards.set(slot, next);
      this.#step.replace(rows.job_shard, next);
    }
    job.isNew = false;
    job.isMainDirty = false;
    job.isOwnDirty = false;
    job.gone.clear();
  }

  async #ensure(ids: readonly string[]): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#jobs.has(id));
    await this.#adopt(await this.#step.findByIds(this.#step.rows.job, missing));
  }

  async #adopt(found: readonly JobRow[]): Promise<void> {
    const fresh = found.filter((row) => !this.#jobs.has(row._id)).map((row) => newState(row, false));
    const shards = await this.#step.findByIds(
      this.#step.rows.job_shard,
      fresh.flatMap(({ main }) => shardIds(main)),
    );
    for (const job of fresh) this.#jobs.set(job.main._id, job);
    for (const shard of shards) {
      const { job, slot } = placeOf(shard);
      this.#need(job).shards.set(slot, shard);
    }
  }

  #need(id: string): JobState {
    const job = this.#jobs.get(id);
    if (job === undefined) throw new Error(`there is no job ${id} to be written`);
    return job;
  }
}

/** The jobs of these rows with all that was counted, as of one moment, in the same order. What was deleted meanwhile is left out. */
export async function readJobs(connection: Connection, mains: readonly JobRow[]): Promise<JobRecord[]> {
  if (mains.every((row) => shardIds(row).length === 0)) return mains.map((row) => decodeJob(row, []));
  return inSnapshot(connection, async (session) => {
    const ids = mains.map((row) => row._id);
    const found = await readJobRows(connection.rows, ids, session);
    return ids.flatMap((id) => {
      const job = found.get(id);
      return job === undefined ? [] : [decodeJob(job.main, job.shards)];
    });
  });
}

/** The rows of jobs, and of those who count for themselves. */
export async function readJobRows(
  rows: Rows,
  ids: readonly string[],
  session: ClientSession,
): Promise<Map<string, { readonly main: JobRow; readonly shards: readonly JobShardRow[] }>> {
  const mains = await rows.job.find({ _id: { $in: [...ids] } }, { session }).toArray();
  const wanted = mains.flatMap(shardIds);
  const shards = wanted.length === 0 ? [] : await rows.job_shard.find({ _id: { $in: wanted } }, { session }).toArray();
  const byJob = Map.groupBy(shards, (shard) => placeOf(shard).job);
  return new Map(mains.map((main) => [main._id, { main, shards: byJob.get(main._id) ?? [] }]));
}

/**
 * Reads that see one moment, in a transaction: not every server that is compatible otherwise lets a session without one see the same moment
 * twice. It is committed since only then all that it saw is known to last.
 */
export function inSnapshot<T>({ client }: Connection, read: (session: ClientSession) => Promise<T>): Promise<T> {
  const options: TransactionOptions = {
    readConcern: { level: "snapshot" },
    writeConcern: { w: "majority" },
    readPreference: "primary",
  };
  const whole = async (session: ClientSession) => {
    const answer = await read(session);
    await commitRead(session);
    return answer;
  };
  return client.withSession((session) => session.withTransaction(whole, options));
}

/** Not left to the driver, which asks for the answer to a lost commit: what was only read can be read again, whatever became of the commit. */
async function commitRead(session: ClientSession): Promise<void> {
  try {
    await commit(session);
  } catch (error) {
    if (error instanceof MongoError && failureOf(error) === "away") error.addErrorLabel("TransientTransactionError");
    throw error;
  }
}

interface JobState {
  main: JobRow;
  /** By slot. */
  readonly shards: Map<number, JobShardRow>;
  /** Slots whose rows are to be deleted. */
  readonly gone: Set<number>;
  isNew: boolean;
  isMainDirty: boolean;
  isOwnDirty: boolean;
}

function newState(main: JobRow, isNew: boolean): JobState {
  return { main, shards: new Map(), gone: new Set(), isNew, isMainDirty: isNew, isOwnDirty: false };
}

function recordOf({ main, shards }: JobState): JobRecord {
  return decodeJob(main, [...shards.values()]);
}

function setTally(job: JobState, { counts, progress }: Tally): void {
  const { progress: _, ...rest } = job.main;
  job.main = progress.length === 0 ? { ...rest, counts } : { ...rest, counts, progress };
  job.isMainDirty = true;
}

function withoutStatus(row: JobRow): Omit<JobRow, "started" | "ended" | "error" | "failedTask"> {
  const { started: _s, ended: _e, error: _r, failedTask: _f, ...rest } = row;
  return rest;
}

function lastSeq({ main, shards }: JobState): number {
  return Math.max(main.seq, ...[...shards.values()].map((shard) => shard.seq));
}

function shardId(jobId: string, slot: number): string {
  return `${jobId}/${slot}`;
}

function shardIds(row: JobRow): string[] {
  return (row.shards ?? []).map((slot) => shardId(row._id, slot));
}

function placeOf(shard: JobShardRow): { readonly job: string; readonly slot: number } {
  const slash = shard._id.lastIndexOf("/");
  return { job: shard._id.slice(0, slash), slot: Number(shard._id.slice(slash + 1)) };
}
