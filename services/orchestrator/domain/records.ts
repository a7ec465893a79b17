/**
 * The records that make up the state. Everything here is plain data: times are milliseconds since the epoch, durations are
 * milliseconds. Records are never changed in place; a transition makes a new one.
 */

export type TaskState =
  | "BLOCKED"
  | "QUEUED"
  | "RUNNING"
  | "COMPUTED"
  | "COMPLETED"
  | "FAILED"
  | "FAILED_OPTIONAL"
  | "SKIPPED";

export const TASK_STATES: readonly TaskState[] = [
  "BLOCKED",
  "QUEUED",
  "RUNNING",
  "COMPUTED",
  "COMPLETED",
  "FAILED",
  "FAILED_OPTIONAL",
  "SKIPPED",
];

/** What is stored for a job. What users see (SUBMITTED, RUNNING, STARTED ...) is derived from it and the counts. */
export type JobStatus = "OPEN" | "COMPLETED" | "FAILED" | "CANCELED";

/** What happens when an attempt fails. */
export interface RetryPolicy {
  /** Failures that are retried. */
  readonly maxRetries: number;
  /** 0: retried at once. */
  readonly initialBackoffMs: number;
  readonly multiplier: number;
  readonly maxBackoffMs: number;
  /** 0 to 1: each wait is shortened by a random part of up to this fraction. */
  readonly jitter: number;
}

/** Why an attempt failed. */
export interface TaskFailure {
  readonly reason: string;
  readonly message: string;
  readonly details: string;
}

/** One progress bar. */
export interface Progress {
  readonly label: string;
  readonly total: number;
  readonly done: number;
}

/** One task. The input is kept apart: it never changes, and only a claim needs it. */
export interface TaskRecord {
  readonly id: string;
  readonly jobId: string;
  /** `${parentId ?? jobId}.${index}`, see `groupId()`. */
  readonly groupId: string;
  readonly parentId: string | null;
  /** The interned (cluster, name, version). */
  readonly queueId: number;
  readonly priority: number;
  readonly depth: number;
  readonly optional: boolean;
  /** The nearest optional ancestor, itself not counted: a failure in this task that it does not tolerate itself fails that branch. */
  readonly scopeId: string | null;
  readonly retry: RetryPolicy;
  readonly attemptTimeoutMs: number | null;
  readonly createdAt: number;

  readonly display: string;
  readonly state: TaskState;
  /** A queued task of a halted job that has been set aside: it is in no claim index. */
  readonly held: boolean;
  /** 0: due. Otherwise the time from which a retry may start; the task is in no claim index until it is made due. */
  readonly availableAt: number;
  /** Grants so far; only goes up. */
  readonly attempt: number;
  readonly failures: number;
  readonly crashes: number;
  /** The lease that may still report. Stays when a lease expires, until the next claim. */
  readonly leaseToken: string | null;
  /** The last token whose outcome was applied: the same outcome sent again is acknowledged again. */
  readonly settledToken: string | null;
  /** The session that holds the lease, while RUNNING. */
  readonly sessionId: string | null;
  /** When the running attempt times out. */
  readonly deadlineAt: number | null;
  /** Own groups that are not closed. */
  readonly openGroups: number;
  /** For an optional task: something below it failed for good, so what is still queued below it is skipped. */
  readonly branchFailed: boolean;
  readonly startedAt: number | null;
  readonly stoppedAt: number | null;
  readonly error: TaskFailure | null;
  readonly progress: readonly Progress[];
}

/** Subtasks of one parent that share the same dependencies. A group is closed when `open` is 0. */
export interface GroupRecord {
  readonly id: string;
  readonly jobId: string;
  readonly parentId: string | null;
  readonly index: number;
  /** Indices of the groups of the same parent that wait for this one. */
  readonly dependents: readonly number[];
  /** Groups that this one still waits for. */
  readonly waiting: number;
  /** Tasks that are not done (COMPLETED, FAILED_OPTIONAL or SKIPPED). */
  readonly open: number;
  readonly size: number;
}

/** Tasks of a job by state. */
export type TaskCounts = Readonly<Record<TaskState, number>>;

/** One job. */
export interface JobRecord {
  readonly id: string;
  readonly name: string;
  readonly status: JobStatus;
  readonly priority: number;
  readonly traceParent: string;
  /** Clusters that its root tasks are addressed to, without repeats. */
  readonly clusters: readonly string[];
  readonly idempotencyKey: string | null;
  /** Digest of the submission, to tell a repeat from another body under the same key. */
  readonly bodyDigest: string | null;
  readonly submittedAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Root groups that are not closed. */
  readonly openGroups: number;
  readonly counts: TaskCounts;
  /** Sums over all tasks, by label, sorted by label. */
  readonly progress: readonly Progress[];
  readonly error: TaskFailure | null;
  readonly failedTaskId: string | null;
}

/** A task identifier with its version parsed. */
export interface TaskIdentifier {
  readonly name: string;
  readonly major: number;
  readonly minor: number;
}

/** A distinct (cluster, name, major, minor), interned to a small number, with its depth. */
export interface QueueRecord extends TaskIdentifier {
  readonly id: number;
  readonly cluster: string;
  /** Queued tasks that are not held, those that wait for a backoff included. */
  readonly queued: number;
  readonly running: number;
}

/** One runner's session. Its leases last until `expiresAt`. */
export interface SessionRecord {
  readonly id: string;
  readonly runnerName: string;
  readonly cluster: string;
  readonly identifiers: readonly TaskIdentifier[];
  /** Goes up each time that a stream takes the session over, so that an older stream cannot act for it. */
  readonly epoch: number;
  readonly connectedAt: number;
  readonly expiresAt: number;
}

/** A named group of runners. */
export interface ClusterRecord {
  readonly slug: string;
  readonly displayName: string;
  readonly description: string;
  readonly createdAt: number;
}

/** Background work that is done in bounded slices. */
export interface WorkItem {
  /** `${kind}:${targetId}`: asking for the same work again starts it over. */
  readonly id: string;
  /**
   * - `align`: bring `held` of a job's queued tasks in line with whether the job is halted (target: job)
   * - `release`: queue the blocked tasks of a group that waits for nothing more (target: group)
   * - `skip`: skip what is queued below a task of a failed optional branch (target: task)
   * - `unpack`: make task records of sealed parts (target: task)
   * - `prune`: delete a job that ended long ago (target: job)
   */
  readonly kind: "align" | "release" | "skip" | "unpack" | "prune";
  readonly jobId: string;
  readonly targetId: string;
  /** Where the last slice ended; null: at the beginning. */
  readonly cursor: string | null;
}

/** The id of a group: the parent's id, or the job's for root groups, and the index. */
export function groupId(ownerId: string, index: number): string {
  return `${ownerId}.${index}`;
}

/** The index at the end of a group's id. */
export function groupIndex(groupId: string): number {
  return Number(groupId.slice(groupId.lastIndexOf(".") + 1));
}

/** Whether a task is done: its group no longer waits for it. */
export function isDone(state: TaskState): boolean {
  return state === "COMPLETED" || state === "FAILED_OPTIONAL" || state === "SKIPPED";
}

/** Whether nothing more of a job is granted. */
export function isHalted(job: JobRecord): boolean {
  return job.status === "FAILED" || job.status === "CANCELED";
}

/** Whether nothing of a job runs, or ever will unless somebody retries it. */
export function isOver(job: JobRecord): boolean {
  return job.status !== "OPEN" && job.counts.RUNNING === 0;
}

export const NO_COUNTS: TaskCounts = {
  BLOCKED: 0,
  QUEUED: 0,
  RUNNING: 0,
  COMPUTED: 0,
  COMPLETED: 0,
  FAILED: 0,
  FAILED_OPTIONAL: 0,
  SKIPPED: 0,
};
