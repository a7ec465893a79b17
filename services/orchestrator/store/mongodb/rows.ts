import type { Binary, Collection, Db } from "mongodb";
import type { FailureTuple, ProgressTuple } from "../codes.ts";

/**
 * What is stored, by collection. A field that is missing stands for null, false, 0 or "nothing", as said; `rev` goes up with each write, so that an
 * update that changes nothing else still is one: that is how a step takes a stand on a row that it only read.
 */

export interface MetaRow {
  readonly _id: "schema";
  readonly version: number;
}

/** A job as all processes see it, and what is counted while no process counts for itself (`shards` missing or empty). */
export interface JobRow {
  readonly _id: string;
  readonly name: string;
  /** For searching without regard to case. */
  readonly folded: string;
  readonly priority: number;
  readonly trace: string;
  readonly clusters: readonly string[];
  readonly key?: string;
  readonly digest?: string;
  readonly submitted: number;
  readonly status: number;
  readonly started?: number;
  readonly ended?: number;
  readonly openGroups: number;
  /** By code of the task state. */
  readonly counts: readonly number[];
  readonly progress?: readonly ProgressTuple[];
  readonly error?: FailureTuple;
  readonly failedTask?: string;
  /** The last number that was given in the change log by a step that wrote this row. */
  readonly seq: number;
  /** Slots with a row in `job_shard`. */
  readonly shards?: readonly number[];
  /** Slots that have entries in the change log. */
  readonly slots: readonly number[];
  /** Who wrote the row last. */
  readonly keeper: number;
  /** Its deletion has begun. */
  readonly deleting?: true;
  readonly rev: number;
}

/** What one process has added to a job's counts and progress. `_id` is `${job}/${slot}`. */
export interface JobShardRow {
  readonly _id: string;
  readonly counts: readonly number[];
  readonly progress?: readonly ProgressTuple[];
  readonly seq: number;
  readonly rev: number;
}

export interface TaskRow {
  readonly _id: string;
  readonly job: string;
  /** Empty: a root task. */
  readonly parent: string;
  /** The index of the group. */
  readonly group: number;
  readonly queue: number;
  readonly priority: number;
  readonly depth: number;
  readonly optional?: true;
  readonly scope?: string;
  readonly retry?: readonly number[];
  readonly timeout?: number;
  readonly created: number;
  readonly display: string;
  readonly state: number;
  readonly held?: true;
  readonly availableAt?: number;
  readonly attempt: number;
  readonly failures: number;
  readonly crashes: number;
  readonly token?: string;
  readonly settled?: string;
  readonly session?: string;
  readonly deadlineAt?: number;
  readonly openGroups: number;
  readonly branchFailed?: true;
  readonly started?: number;
  readonly stopped?: number;
  readonly error?: FailureTuple;
  readonly progress?: readonly ProgressTuple[];
  readonly input?: Binary;
  readonly rev: number;

  // What follows is there for indexes alone, each only while the task belongs into that index.
  /** The queue, while the task may be claimed. */
  readonly ready?: number;
  /** A number from the id, by which processes divide the claimable tasks among themselves. */
  readonly part: number;
  /** The session, while it runs. */
  readonly running?: string;
  /** The group's id, while it is blocked. */
  readonly blocked?: string;
  /** The queue, while it is blocked, or queued but not claimable. */
  readonly parked?: number;
  /** When it becomes due, while it is queued and waits. */
  readonly due?: number;
  /** When its attempt times out, while it runs. */
  readonly deadline?: number;
  /** Who set `due` or `deadline` and looks after it first. */
  readonly keeper?: number;
}

/** A group, and how many of its tasks are open that no process holds in its own row. */
export interface GroupRow {
  readonly _id: string;
  readonly job: string;
  readonly parent?: string;
  readonly dependents?: readonly number[];
  readonly waiting: number;
  readonly open: number;
  readonly size: number;
  /** Slots with a row of their own. While there is one, `open` is at least 1. */
  readonly shards?: readonly number[];
  readonly rev: number;
}

/** The part of a group's open tasks that one process counts down by itself. `_id` is `${group}/${slot}`; it is in the collection of the groups. */
export interface GroupShardRow {
  readonly _id: string;
  readonly open: number;
  /** Its process has not counted anything in it yet. */
  readonly unused?: true;
  readonly rev: number;
}

/** What one process had counted of a job behind an entry of the change log. */
export type OwnTuple = readonly [counts: readonly number[], progress: readonly ProgressTuple[]];

/** One entry of a change log. `_id` is `${job}/${slot}/${seq}` with fixed widths, so that it sorts. */
export interface ChangeRow {
  readonly _id: string;
  /** With the counts of the job's row alone. */
  readonly entry: string;
  /** The writer's own counts, when it counted for itself. */
  readonly own?: OwnTuple;
  /** With `own`: behind which number processes began to count for themselves. What they counted before that is in the job's row. */
  readonly since?: number;
}

export interface QueueRow {
  readonly _id: number;
  readonly cluster: string;
  readonly name: string;
  readonly major: number;
  readonly minor: number;
  readonly rev: number;
}

/** What one process has added to a queue's numbers. `_id` is `${queue}/${slot}`. */
export interface QueueCountRow {
  readonly _id: string;
  readonly queue: number;
  readonly queued: number;
  readonly running: number;
  readonly rev: number;
}

export interface SessionRow {
  readonly _id: string;
  readonly runner: string;
  readonly cluster: string;
  readonly identifiers: readonly (readonly [name: string, major: number, minor: number])[];
  readonly epoch: number;
  readonly connected: number;
  readonly expires: number;
  readonly keeper: number;
  readonly rev: number;
}

export interface WorkRow {
  readonly _id: string;
  readonly kind: string;
  readonly job: string;
  readonly target: string;
  readonly cursor?: string;
  /** When it was written last, in milliseconds since the epoch, and made to ascend within one process. */
  readonly touched: number;
  readonly keeper: number;
}

export interface ClusterRow {
  readonly _id: string;
  readonly displayName: string;
  readonly description: string;
  readonly created: number;
  readonly rev: number;
}

/**
 * A part, or, where one row cannot hold all of its payload, a slice of it. `_id` is `${task}/${token}/${number}/${slice}`. Those of root tasks have the
 * job in the place of the task.
 */
export interface PartRow {
  readonly _id: string;
  readonly task: string;
  readonly token: string;
  readonly number: number;
  /** From 0. */
  readonly slice: number;
  /** In the first slice: how many there are. Others that follow are of the same part sent again, with other contents. */
  readonly slices?: number;
  /** In the first slice. */
  readonly summary?: string;
  readonly payload: Binary;
}

/** An upload that is not finished. `_id` is the value's id. */
export interface UploadRow {
  readonly _id: string;
  readonly job: string;
  readonly started: number;
  readonly keeper: number;
  readonly rev: number;
}

/** `_id` is `${job}/${key}`. */
export interface CacheValueRow {
  readonly _id: string;
  readonly job: string;
  readonly key: string;
  readonly value: string;
  readonly size: number;
  readonly written: number;
  readonly rev: number;
}

/** `_id` is `${value}/${number}`. */
export interface CacheChunkRow {
  readonly _id: string;
  readonly value: string;
  readonly data: Binary;
}

/** One process on the database. Each of its transactions writes this row. */
export interface ReplicaRow {
  readonly _id: number;
  readonly owner: string;
  /** The last transaction that was committed under this owner. */
  readonly tx: string;
  /** What it left for others to act on. `all`: more than can be listed. */
  readonly wakeup?: {
    readonly tx: string;
    readonly queues: readonly number[];
    readonly jobs: readonly string[];
    readonly over: readonly string[];
    readonly canceled: readonly string[];
    readonly all: boolean;
  };
  /** The last transactions of earlier owners. */
  readonly past?: readonly { readonly owner: string; readonly tx: string }[];
  readonly fence?: string;
}

/** The sign of life of one process. */
export interface BeatRow {
  readonly _id: number;
  readonly owner: string;
  /** By the clock of the database. */
  readonly at: Date;
  /** It has runners that want tasks. */
  readonly claiming: boolean;
  /** In which its transactions run. */
  readonly session?: Binary;
}

export type Rows = {
  readonly [K in keyof RowTypes]: Collection<RowTypes[K]>;
};

interface RowTypes {
  meta: MetaRow;
  job: JobRow;
  job_shard: JobShardRow;
  task: TaskRow;
  group: GroupRow;
  group_shard: GroupShardRow;
  change: ChangeRow;
  queue: QueueRow;
  queue_count: QueueCountRow;
  session: SessionRow;
  work: WorkRow;
  cluster: ClusterRow;
  part: PartRow;
  upload: UploadRow;
  cache_value: CacheValueRow;
  cache_chunk: CacheChunkRow;
  replica: ReplicaRow;
  beat: BeatRow;
}

export const COLLECTIONS: readonly Exclude<keyof RowTypes, "group_shard">[] = [
  "meta",
  "job",
  "job_shard",
  "task",
  "group",
  "change",
  "queue",
  "queue_count",
  "session",
  "work",
  "cluster",
  "part",
  "upload",
  "cache_value",
  "cache_chunk",
  "replica",
  "beat",
];

export function rowsOf(db: Db): Rows {
  const collections = Object.fromEntries(COLLECTIONS.map((name) => [name, db.collection(name)]));
  return { ...collections, group_shard: db.collection("group") } as unknown as Rows;
}
