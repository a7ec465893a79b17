import type { JobRecord, Progress } from "../../domain/records.ts";
import {
  countsOf,
  countsTuple,
  decodeStatus,
  failureOf,
  failureTuple,
  foldCase,
  type ProgressTuple,
  progressOf,
  progressTuple,
  STATUS_CODES,
} from "../codes.ts";
import type { JobRow, JobShardRow } from "./rows.ts";

/** What is counted of a job: in the job's row, and in a row for each process that counts for itself. */
export interface Tally {
  readonly counts: readonly number[];
  readonly progress: readonly ProgressTuple[];
}

export const EMPTY_TALLY: Tally = { counts: [0, 0, 0, 0, 0, 0, 0, 0], progress: [] };

export function tallyOf(row: Pick<JobRow, "counts" | "progress">): Tally {
  return { counts: row.counts, progress: row.progress ?? [] };
}

export function tallyOfRecord(job: JobRecord): Tally {
  return { counts: countsTuple(job.counts), progress: job.progress.map(progressTuple) };
}

export function addTallies(a: Tally, b: Tally): Tally {
  return combine(a, b, 1);
}

export function subtractTallies(a: Tally, b: Tally): Tally {
  return combine(a, b, -1);
}

function combine(a: Tally, b: Tally, sign: 1 | -1): Tally {
  const counts = a.counts.map((count, index) => count + sign * (b.counts[index] ?? 0));
  if (b.progress.length === 0) return { counts, progress: a.progress };
  const byLabel = new Map(a.progress.map((bar) => [bar[0], bar]));
  for (const [label, total, done] of b.progress) {
    const [, sumTotal, sumDone] = byLabel.get(label) ?? [label, 0, 0];
    byLabel.set(label, [label, sumTotal + sign * total, sumDone + sign * done]);
  }
  const progress = [...byLabel.values()].filter(([, total, done]) => total !== 0 || done !== 0);
  return { counts, progress };
}

export function isEmptyTally({ counts, progress }: Tally): boolean {
  return progress.length === 0 && counts.every((count) => count === 0);
}

/** The job with everything that was counted anywhere. */
export function decodeJob(row: JobRow, shards: readonly JobShardRow[]): JobRecord {
  const total = shards.map(tallyOf).reduce(addTallies, tallyOf(row));
  return {
    id: row._id,
    name: row.name,
    status: decodeStatus(row.status),
    priority: row.priority,
    traceParent: row.trace,
    clusters: row.clusters,
    idempotencyKey: row.key ?? null,
    bodyDigest: row.digest ?? null,
    submittedAt: row.submitted,
    startedAt: row.started ?? null,
    endedAt: row.ended ?? null,
    openGroups: row.openGroups,
    ...decodeTally(total),
    error: row.error === undefined ? null : failureOf(row.error),
    failedTaskId: row.failedTask ?? null,
  };
}

/** Bars in order of their labels. */
export function decodeTally({ counts, progress }: Tally): Pick<JobRecord, "counts" | "progress"> {
  return { counts: countsOf(counts), progress: progress.map(progressOf).sort(byLabel) };
}

function byLabel(a: Progress, b: Progress): number {
  return a.label < b.label ? -1 : 1;
}

/** The part of a job's row that its status and the like make up. */
export function encodeStatus(
  job: JobRecord,
): Pick<JobRow, "status" | "started" | "ended" | "openGroups" | "error" | "failedTask"> {
  return {
    status: STATUS_CODES[job.status],
    ...(job.startedAt === null ? {} : { started: job.startedAt }),
    ...(job.endedAt === null ? {} : { ended: job.endedAt }),
    openGroups: job.openGroups,
    ...(job.error === null ? {} : { error: failureTuple(job.error) }),
    ...(job.failedTaskId === null ? {} : { failedTask: job.failedTaskId }),
  };
}

/** A new job. */
export function encodeJob(job: JobRecord, slot: number): JobRow {
  const { counts, progress } = tallyOfRecord(job);
  return {
    _id: job.id,
    name: job.name,
    folded: foldCase(job.name),
    priority: job.priority,
    trace: job.traceParent,
    clusters: job.clusters,
    ...(job.idempotencyKey === null ? {} : { key: job.idempotencyKey }),
    ...(job.bodyDigest === null ? {} : { digest: job.bodyDigest }),
    submitted: job.submittedAt,
    ...encodeStatus(job),
    counts,
    ...(progress.length === 0 ? {} : { progress }),
    seq: 0,
    slots: [],
    keeper: slot,
    rev: 0,
  };
}

/** Whether two records differ in anything but what is counted. */
export function isSameStatus(a: JobRecord, b: JobRecord): boolean {
  return (
    a.status === b.status &&
    a.startedAt === b.startedAt &&
    a.endedAt === b.endedAt &&
    a.openGroups === b.openGroups &&
    a.failedTaskId === b.failedTaskId &&
    (a.error === b.error || JSON.stringify(a.error) === JSON.stringify(b.error))
  );
}
