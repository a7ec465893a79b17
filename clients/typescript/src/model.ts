import type { Identifier } from "./task.ts";

/** Where a job stands. */
export type JobState = "SUBMITTED" | "RUNNING" | "STARTED" | "COMPLETED" | "FAILED" | "CANCELED";

/** Where a task stands. */
export type TaskState = "QUEUED" | "RUNNING" | "COMPUTED" | "COMPLETED" | "FAILED" | "FAILED_OPTIONAL" | "SKIPPED";

/** Why a queued task is not running. */
export type QueuedReason = "READY" | "DEPENDENCIES" | "BACKOFF" | "JOB_HALTED";

/** How many tasks of a job are in which state. */
export interface TaskCounts {
  readonly queued: number;
  readonly running: number;
  readonly computed: number;
  readonly completed: number;
  readonly failed: number;
  readonly failedOptional: number;
  readonly skipped: number;
}

/** One progress bar. The label of the default one is empty. */
export interface Progress {
  readonly label: string;
  readonly total: number;
  readonly done: number;
}

/** Why an attempt failed. */
export interface TaskFailure {
  /** For machines: the exception's class, or one of `RUNNER_LOST`, `ATTEMPT_TIMEOUT`. */
  readonly reason: string;
  /** For people, one sentence. */
  readonly message: string;
  /** For people who look for the cause, for example a stack. */
  readonly details: string;
}

/** A job as it stood when it was read. */
export interface Job {
  readonly id: string;
  readonly name: string;
  readonly state: JobState;
  readonly submittedAt: Date;
  /** When its first task started. */
  readonly startedAt: Date | undefined;
  /** When it became completed, failed or canceled. */
  readonly endedAt: Date | undefined;
  readonly taskCounts: TaskCounts;
  /** For each label the sums over all tasks. */
  readonly progress: readonly Progress[];
  /** Why it failed. */
  readonly error: TaskFailure | undefined;
  /** The task that failed it. */
  readonly failedTaskId: string | undefined;
  readonly priority: number;
  readonly traceParent: string | undefined;
}

/** A task as it stood when it was read. */
export interface JobTask {
  readonly id: string;
  readonly jobId: string;
  /** The task that submitted it; undefined for a root task. */
  readonly parentId: string | undefined;
  readonly identifier: Identifier;
  readonly cluster: string;
  readonly state: TaskState;
  readonly queuedReason: QueuedReason | undefined;
  readonly display: string;
  /** How often it was granted to a runner. */
  readonly attempt: number;
  /** Failed attempts that count against `maxRetries`. */
  readonly failures: number;
  /** Attempts that ended because the runner was lost. */
  readonly crashes: number;
  readonly maxRetries: number;
  readonly optional: boolean;
  readonly priority: number;
  /** 0 for a root task. */
  readonly depth: number;
  /** Which group of its parent it belongs to. */
  readonly group: number;
  /** The time from which a retry that waits may start. */
  readonly nextAttemptAt: Date | undefined;
  /** When the last attempt started. */
  readonly startedAt: Date | undefined;
  /** When the last attempt ended. */
  readonly stoppedAt: Date | undefined;
  /** Why the last attempt that failed did so. */
  readonly error: TaskFailure | undefined;
  readonly progress: readonly Progress[];
  /** The runner's session that holds the lease, while running. */
  readonly sessionId: string | undefined;
  /** Only when it was asked for. */
  readonly input: Uint8Array | undefined;
  /** In milliseconds; undefined: no limit. */
  readonly attemptTimeoutMs: number | undefined;
}

/** A task and what it submitted. */
export interface TaskNode extends JobTask {
  readonly children: readonly TaskNode[];
}

/** A job with all its tasks as a tree. */
export interface JobTree {
  readonly job: Job;
  readonly roots: readonly TaskNode[];
}

/** One step of one task. */
export interface TaskChange {
  readonly taskId: string;
  /** The task that submitted it; undefined for a root task. Only known in the first change of a task. */
  readonly parentId: string | undefined;
  /** Only in the first change of a task. */
  readonly identifier: Identifier | undefined;
  readonly state: TaskState;
  readonly attempt: number;
  /** In the first change, and again when it changed. */
  readonly display: string | undefined;
  /** Which group of its parent it belongs to. Only meaningful in the first change. */
  readonly group: number;
  /** Why the attempt failed, when this change is a failure. */
  readonly error: TaskFailure | undefined;
}

/** Some changes that were stored in one step. */
export interface JobUpdate {
  /** Watch again from here to go on behind these changes. */
  readonly resumeToken: string;
  /** When the job changed: how it stands after these changes. */
  readonly job: Job | undefined;
  readonly tasks: readonly TaskChange[];
}

/** A named group of runners. */
export interface Cluster {
  readonly slug: string;
  readonly displayName: string;
  readonly description: string;
  readonly createdAt: Date;
  /** False for the default cluster. */
  readonly deletable: boolean;
}

/** One runner's session. */
export interface RunnerInfo {
  readonly sessionId: string;
  readonly name: string;
  readonly cluster: string;
  readonly identifiers: readonly Identifier[];
  /** How many leases it holds. */
  readonly running: number;
  readonly connectedAt: Date;
  /** Until when its leases last without a further heartbeat. */
  readonly leaseExpiresAt: Date;
}

/** Whether nothing more will happen in a job of this state by itself. */
export function isEnded(state: JobState): boolean {
  return state === "COMPLETED" || state === "FAILED" || state === "CANCELED";
}
