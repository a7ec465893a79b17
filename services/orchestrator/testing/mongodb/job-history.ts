import { expect } from "vitest";
import { type JobRecord, type Progress, TASK_STATES, type TaskCounts } from "../../domain/records.ts";
import type { ChangeEntry, NewChangeEntry, Store, StoreTransaction } from "../../store/store.ts";
import { aJob, anId, SOME_TIME } from "../records.ts";
import type { Chance, Gate } from "./interleaving.ts";

/** What a step adds to a job's counts and progress, if it is not a change of its status. */
interface Addition {
  readonly counts: Partial<TaskCounts>;
  readonly progress: readonly Progress[];
}

type Status = Pick<JobRecord, "status" | "startedAt" | "endedAt" | "openGroups" | "error" | "failedTaskId">;

/** One write of a step, with the entries that it appends: what it adds is in all of them. */
interface PlannedWrite {
  readonly addition: Addition;
  readonly status: Partial<Status> | null;
  readonly labels: readonly string[];
}

/** A step that has been committed. */
interface CommittedStep {
  readonly writes: readonly PlannedWrite[];
  /** The number of steps that had been committed when it took its snapshot: it may rely on them and on no others. */
  readonly seen: number;
}

/**
 * What becomes of one job whose counts, status and change log several stores write. Steps come one at a time (`interleave`), so that it is known at any
 * moment how the job stands.
 */
export class JobHistory {
  readonly #initial: JobRecord;
  readonly #steps: CommittedStep[] = [];
  #now: JobRecord;

  private constructor(job: JobRecord) {
    this.#initial = job;
    this.#now = job;
  }

  /** Stores a job without entries. */
  static async begin(store: Store, job: JobRecord = aJob()): Promise<JobHistory> {
    await store.transact((tx) => tx.write({ insertJobs: [job] }));
    return new JobHistory(job);
  }

  /** The job as every reader must see it. */
  get now(): JobRecord {
    return this.#now;
  }

  get jobId(): string {
    return this.#initial.id;
  }

  /** Entries that have been written. */
  get length(): number {
    return this.#labels().length;
  }

  /** A step of one or two writes that chance has planned. It must see all that was committed before it, and be ordered after it. */
  async step(store: Store, chance: Chance, gate: Gate): Promise<void> {
    const writes = Array.from({ length: chance.is(0.2) ? 2 : 1 }, () => planWrite(chance));
    const seen = await store.transact(async (tx) => {
      const seen = this.#steps.length;
      const [job] = await tx.loadJobs([this.jobId]);
      expect(job).toEqual(this.#now);
      await gate();
      let next = job ?? this.#initial;
      for (const write of writes) {
        next = after(next, write);
        await carryOut(tx, next, write);
        if (chance.is(0.2)) expect(await tx.loadJobs([this.jobId])).toEqual([next]);
      }
      return seen;
    });
    this.#steps.push({ writes, seen });
    for (const write of writes) this.#now = after(this.#now, write);
  }

  /** Fails unless these are all entries, each once, cause before effect, each with the job as it stood there. */
  expectWhole(entries: readonly ChangeEntry[]): void {
    const labels = entries.map(labelOf);
    expect(labels.toSorted()).toEqual(this.#labels().toSorted());
    const place = new Map(labels.map((label, index) => [label, index]));
    this.#expectCausesFirst(place);
    this.#expectSums(entries);
  }

  #expectCausesFirst(place: ReadonlyMap<string, number>): void {
    let last: number[] = [];
    const lastUpTo: number[] = [-1];
    for (const step of this.#steps) {
      const places = labelsOf([step]).map((label) => place.get(label) ?? -1);
      expect(places).toEqual(places.toSorted((a, b) => a - b));
      expect(places[0]).toBeGreaterThan(lastUpTo[step.seen] ?? -1);
      last = [...last, ...places];
      lastUpTo.push(Math.max(...last));
    }
  }

  #expectSums(entries: readonly ChangeEntry[]): void {
    const byLabel = new Map<string, PlannedWrite>();
    for (const { writes } of this.#steps) for (const write of writes) byLabel.set(write.labels[0] ?? "", write);
    let job = this.#initial;
    for (const entry of entries) {
      const write = byLabel.get(labelOf(entry));
      if (write !== undefined) job = after(job, write);
      expect({ label: labelOf(entry), job: entry.job }).toEqual({ label: labelOf(entry), job });
    }
    expect(job).toEqual(this.#now);
  }

  #labels(): string[] {
    return labelsOf(this.#steps);
  }
}

function labelsOf(steps: readonly CommittedStep[]): string[] {
  return steps.flatMap(({ writes }) => writes.flatMap((write) => write.labels));
}

function labelOf(entry: ChangeEntry): string {
  return entry.tasks[0]?.taskId ?? "";
}

/** Mostly counting; sometimes the job begins, is canceled, fails, ends or goes on. */
function planWrite(chance: Chance): PlannedWrite {
  const labels = Array.from({ length: chance.is(0.2) ? 2 : 1 }, () => anId("label"));
  return { addition: planAddition(chance), status: chance.is(0.12) ? planStatus(chance) : null, labels };
}

function planAddition(chance: Chance): Addition {
  const made = chance.is(0.5) ? { QUEUED: chance.between(0, 20) } : {};
  const [from, to] = [chance.pick(TASK_STATES), chance.pick(TASK_STATES)];
  const moved = chance.between(1, 5);
  const counts = from === to ? made : { [from]: -moved, [to]: moved };
  const progress = chance.is(0.3)
    ? [{ label: chance.pick(["rows", "files"]), total: chance.between(1, 5), done: 1 }]
    : [];
  return { counts, progress };
}

function planStatus(chance: Chance): Partial<Status> {
  return chance.pick<Partial<Status>>([
    { startedAt: SOME_TIME + chance.between(1, 9) },
    { status: "CANCELED", endedAt: SOME_TIME + 10 },
    { status: "FAILED", endedAt: SOME_TIME + 10, error: { reason: "R", message: "m", details: "" }, failedTaskId: "t" },
    { status: "COMPLETED", endedAt: SOME_TIME + 10 },
    { status: "OPEN", endedAt: null, error: null, failedTaskId: null },
    { openGroups: chance.between(0, 5) },
  ]);
}

async function carryOut(tx: StoreTransaction, job: JobRecord, { labels }: PlannedWrite): Promise<void> {
  const appendChanges = labels.map(
    (label): NewChangeEntry => ({
      jobId: job.id,
      job,
      tasks: [{ taskId: label, state: "QUEUED", attempt: 0 }],
    }),
  );
  await tx.write({ updateJobs: [job], appendChanges });
}

function after(job: JobRecord, { addition, status }: PlannedWrite): JobRecord {
  const counts = { ...job.counts };
  for (const state of TASK_STATES) counts[state] += addition.counts[state] ?? 0;
  const bars = new Map(job.progress.map((bar) => [bar.label, bar]));
  for (const { label, total, done } of addition.progress) {
    const before = bars.get(label);
    bars.set(label, { label, total: total + (before?.total ?? 0), done: done + (before?.done ?? 0) });
  }
  const progress = [...bars.values()].sort((a, b) => (a.label < b.label ? -1 : 1));
  return { ...job, counts, progress, ...status };
}
