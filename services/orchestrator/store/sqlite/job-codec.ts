import type { JobRecord } from "../../domain/records.ts";
import { countsOf, countsTuple, decodeStatus, STATUS_CODES } from "../codes.ts";
import { decodeFailure, decodeProgress, encodeFailure, encodeProgress } from "./codes.ts";
import type { Value } from "./query.ts";

export const JOB_COLUMNS =
  "key, id, name, priority, trace_parent, clusters, idempotency_key, body_digest, submitted_at, status, started_at, ended_at, " +
  "open_groups, counts, progress, error, failed_task_id";

export type JobRow = readonly [
  key: number,
  id: string,
  name: string,
  priority: number,
  traceParent: string,
  clusters: string,
  idempotencyKey: string | null,
  bodyDigest: string | null,
  submittedAt: number,
  status: number,
  startedAt: number | null,
  endedAt: number | null,
  openGroups: number,
  counts: string,
  progress: string | null,
  error: string | null,
  failedTaskId: string | null,
];

export function decodeJob(row: JobRow): JobRecord {
  return {
    id: row[1],
    name: row[2],
    status: decodeStatus(row[9]),
    priority: row[3],
    traceParent: row[4],
    clusters: JSON.parse(row[5]) as string[],
    idempotencyKey: row[6],
    bodyDigest: row[7],
    submittedAt: row[8],
    startedAt: row[10],
    endedAt: row[11],
    openGroups: row[12],
    counts: countsOf(JSON.parse(row[13]) as number[]),
    progress: decodeProgress(row[14]),
    error: decodeFailure(row[15]),
    failedTaskId: row[16],
  };
}

/** The columns that change, in the order of `MUTABLE_JOB_COLUMNS`. */
export const MUTABLE_JOB_COLUMNS = [
  "status",
  "started_at",
  "ended_at",
  "open_groups",
  "running",
  "counts",
  "progress",
  "error",
  "failed_task_id",
] as const;

export function encodeMutableJob(job: JobRecord): Value[] {
  return [
    STATUS_CODES[job.status],
    job.startedAt,
    job.endedAt,
    job.openGroups,
    job.counts.RUNNING,
    JSON.stringify(countsTuple(job.counts)),
    encodeProgress(job.progress),
    encodeFailure(job.error),
    job.failedTaskId,
  ];
}
