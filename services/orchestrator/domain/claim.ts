import type { JobRecord, TaskRecord } from "./records.ts";

/**
 * The order in which claimable tasks are granted: priority (higher first), oldest job, deepest task, order of submission. Ids are ordered by
 * time, so they stand for age. Negative: `a` comes first.
 */
export function compareClaimOrder(a: TaskRecord, b: TaskRecord): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.jobId !== b.jobId) return a.jobId < b.jobId ? -1 : 1;
  if (a.depth !== b.depth) return b.depth - a.depth;
  return a.id < b.id ? -1 : 1;
}

/** Whether a runner may be given the task now. */
export function isClaimable(task: TaskRecord): boolean {
  return task.state === "QUEUED" && !task.held && task.availableAt === 0;
}

/** The task as granted to a session under a fresh lease token. A new attempt starts with no progress: only the last attempt's counts. */
export function decideGrant(task: TaskRecord, sessionId: string, leaseToken: string, now: number): TaskRecord {
  return {
    ...task,
    state: "RUNNING",
    attempt: task.attempt + 1,
    leaseToken,
    sessionId,
    startedAt: now,
    stoppedAt: null,
    deadlineAt: task.attemptTimeoutMs === null ? null : now + task.attemptTimeoutMs,
    progress: [],
  };
}

/** The job once its first task has started. */
export function decideStarted(job: JobRecord, now: number): JobRecord {
  return job.startedAt === null ? { ...job, startedAt: now } : job;
}
