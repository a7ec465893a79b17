import type { QueueRecord } from "../domain/records.ts";
import type { Reason } from "../domain/rejection.ts";

/** What came of an outcome that a runner reported. A repeat of an outcome that counted before is a duplicate. */
export type OutcomeKind = "computed" | "failed" | "released" | "duplicate" | "stale" | "refused";

/** Why an attempt ended without an outcome of its runner. */
export type LeaseEnd = "expired" | "not_listed" | "timed_out";

/** One committed batch. */
export interface CommittedBatch {
  /** Commands of all kinds that were answered. */
  readonly commands: number;
  /** Outcomes that were applied. */
  readonly tasksSettled: number;
  readonly tasksCreated: number;
  readonly grants: number;
  /** From the begin of the transaction to the end of its commit. */
  readonly durationMs: number;
}

/**
 * What the engine tells about itself, for metrics. Every call comes after the commit, costs O(1) or O(queues touched), and never throws.
 * Numbers of tasks are passed per batch, never one call per task.
 */
export interface EngineObserver {
  batchCommitted(batch: CommittedBatch): void;
  /** A step was run again because it met another one. */
  transactionRetried(): void;
  /** A step was given up; its commands were answered with UNAVAILABLE. */
  transactionFailed(): void;
  granted(queueId: number, count: number): void;
  outcomes(kind: OutcomeKind, queueId: number, count: number): void;
  /** Leases that ended without an outcome. */
  leasesEnded(why: LeaseEnd, count: number): void;
  /** Tasks that failed for good because their runners were lost too often. */
  crashBudgetSpent(count: number): void;
  jobSubmitted(count: number): void;
  jobEnded(status: "COMPLETED" | "FAILED" | "CANCELED", count: number): void;
  commandRefused(reason: Reason, count: number): void;
  sessionOpened(cluster: string, resumed: boolean): void;
  /** Exactly once for each session that was opened on this orchestrator. */
  sessionClosed(cluster: string, why: "ended" | "lost" | "superseded" | "violation" | "stopping"): void;
  /** A queue's numbers after a commit; also once per queue at the start. */
  queueDepth(queue: QueueRecord): void;
}

/** Ignores everything. */
export const SILENT_OBSERVER: EngineObserver = {
  batchCommitted: () => {},
  transactionRetried: () => {},
  transactionFailed: () => {},
  granted: () => {},
  outcomes: () => {},
  leasesEnded: () => {},
  crashBudgetSpent: () => {},
  jobSubmitted: () => {},
  jobEnded: () => {},
  commandRefused: () => {},
  sessionOpened: () => {},
  sessionClosed: () => {},
  queueDepth: () => {},
};
