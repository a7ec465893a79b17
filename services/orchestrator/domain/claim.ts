import type { JobRecord, TaskRecord } from "./records.ts";

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
