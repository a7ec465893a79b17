import type { Limits } from "../domain/limits.ts";
import type { ClusterRecord, JobRecord, Progress, TaskFailure, TaskIdentifier } from "../domain/records.ts";
import type { Rejection, Result } from "../domain/rejection.ts";
import type { JobSubmission, TaskSet } from "../domain/submission.ts";
import type { CacheValueRecord, ChangeEntry, StoreReads } from "../store/store.ts";

/** What the edge may ask of the engine. Every promise resolves only after the store has committed what it reports. */
export interface Engine {
  readonly limits: Limits;
  /** Committed state, for read-only calls. */
  readonly reads: StoreReads;

  submitJob(submission: JobSubmission): Promise<Result<SubmittedJob>>;
  cancelJob(jobId: string): Promise<Result<JobRecord>>;
  retryJob(jobId: string): Promise<Result<RetriedJob>>;
  /**
   * All changes of a job behind a position (null: from the start), as they come, ending as WatchJob says. Ends early, without an error, when `signal` aborts.
   */
  watchJob(jobId: string, after: string | null, signal: AbortSignal): AsyncIterable<readonly ChangeEntry[]>;

  openSession(hello: SessionHello, sink: SessionSink): Promise<Result<OpenedSession>>;

  createCluster(cluster: {
    readonly slug: string;
    readonly displayName: string;
    readonly description: string;
  }): Promise<Result<ClusterRecord>>;
  updateCluster(change: {
    readonly slug: string;
    readonly displayName?: string;
    readonly description?: string;
  }): Promise<Result<ClusterRecord>>;
  deleteCluster(slug: string): Promise<Result<null>>;

  /** Begins a cache value; nothing is visible until `finish`. */
  putCacheValue(target: CacheTarget): Promise<Result<CacheUpload>>;
  deleteCacheValues(target: CacheTarget & { readonly isPrefix: boolean }): Promise<Result<number>>;

  /** Tells every session to go away, finishes what has queued up, and stops all loops. The store is not closed. */
  stop(): Promise<void>;
}

export interface SubmittedJob {
  readonly job: JobRecord;
  /** An earlier submission with the same idempotency key made it. */
  readonly alreadyExisted: boolean;
}

export interface RetriedJob {
  readonly job: JobRecord;
  readonly requeuedTasks: number;
}

export interface LeaseRef {
  readonly taskId: string;
  readonly leaseToken: string;
}

export interface SessionHello {
  readonly runnerName: string;
  /** Empty: the default cluster. */
  readonly cluster: string;
  /** As sent: version text not yet parsed. */
  readonly identifiers: readonly { readonly name: string; readonly version: string }[];
  readonly credits: number;
  readonly sessionId: string | null;
  readonly leases: readonly LeaseRef[];
  readonly notifyIdle: boolean;
}

export interface OpenedSession {
  readonly handle: SessionHandle;
  readonly sessionId: string;
  readonly resumed: boolean;
  readonly heartbeatIntervalMs: number;
  readonly leaseDurationMs: number;
  readonly pingIntervalMs: number;
  readonly lostLeases: readonly LeaseRef[];
}

/** What the engine calls to reach one runner, always after the commit. Calls never throw and never block. */
export interface SessionSink {
  grants(grants: readonly GrantedTask[]): void;
  acks(acks: readonly LeaseAck[]): void;
  revocations(revocations: readonly (LeaseRef & { readonly reason: RevocationReason })[]): void;
  idle(): void;
  ping(): void;
  goAway(reason: string): void;
  /** The engine has let go of the session; the stream must end with this reason. */
  close(rejection: Rejection): void;
  /** False while the runner does not read what it was sent: the engine then grants nothing. */
  isWritable(): boolean;
}

export type RevocationReason = "JOB_CANCELED" | "LEASE_LOST" | "ATTEMPT_TIMEOUT";

/** What the edge calls for frames that came from one runner, in their order. */
export interface SessionHandle {
  outcomes(outcomes: readonly Outcome[]): void;
  parts(parts: readonly SubtaskPart[]): void;
  progress(reports: readonly ProgressReport[]): void;
  heartbeat(): void;
  addCredits(credits: number): void;
  drain(): void;
  /** The sink takes frames again after `isWritable()` was false. */
  writable(): void;
  /** The runner ended the stream on purpose: its session ends now and what it still holds is released. */
  end(): void;
  /** The stream broke: the session waits for the runner to come back until its leases expire. */
  lost(): void;
  /** Outcomes and parts that were handed in and not answered yet; for back-pressure. */
  pending(): number;
}

export interface GrantedTask {
  readonly taskId: string;
  readonly leaseToken: string;
  readonly job: { readonly id: string; readonly name: string; readonly traceParent: string };
  /** The interned queue: same number, same identifier and cluster. */
  readonly queueId: number;
  readonly identifier: TaskIdentifier;
  readonly cluster: string;
  readonly parentId: string | null;
  readonly input: Uint8Array;
  readonly display: string;
  readonly attempt: number;
  readonly failures: number;
  readonly attemptTimeoutMs: number | null;
}

/** The end of one attempt. */
export interface Outcome extends LeaseRef {
  readonly result:
    | { readonly kind: "computed"; readonly subtasks: TaskSet | null; readonly parts: number }
    | { readonly kind: "failed"; readonly error: TaskFailure; readonly nonRetryable: boolean }
    | { readonly kind: "released" };
  readonly progress: readonly Progress[];
  /** Empty: as it was. */
  readonly display: string;
}

export interface SubtaskPart extends LeaseRef {
  readonly number: number;
  readonly subtasks: TaskSet;
}

export interface ProgressReport extends LeaseRef {
  readonly progress: readonly Progress[];
  /** Empty: as it was. */
  readonly display: string;
}

/** The answer to an outcome (part undefined) or a part. */
export interface LeaseAck extends LeaseRef {
  readonly part?: number;
  /** null: accepted, now or before. STALE_LEASE: superseded. Anything else: refused, the lease goes on. */
  readonly rejection: Rejection | null;
}

export interface CacheTarget {
  readonly jobId: string;
  readonly key: string;
  /** null: a submitter writes. */
  readonly writer: LeaseRef | null;
}

/** A value that is being written. */
export interface CacheUpload {
  /** Stores the next bytes, at most 1 MiB; await each before the next. */
  append(data: Uint8Array): Promise<Result<null>>;
  /** Makes the value visible, if the writer's lease still holds. */
  finish(): Promise<Result<CacheValueRecord>>;
  abort(): Promise<void>;
}
