import { isHalted, type JobRecord, type TaskFailure, type TaskRecord } from "./records.ts";
import { accept, type Result, reject } from "./rejection.ts";

/** The job after a task that nothing tolerates failed for good. One that has ended already stays as it is. */
export function decideJobFailed(job: JobRecord, taskId: string, error: TaskFailure | null, now: number): JobRecord {
  if (job.status !== "OPEN") return job;
  return { ...job, status: "FAILED", endedAt: now, error, failedTaskId: taskId };
}

/** Cancels a job. Repeating it changes nothing. */
export function decideCanceled(job: JobRecord, now: number): Result<JobRecord> {
  if (job.status === "COMPLETED") return reject("JOB_COMPLETED", `job ${job.id} is completed and cannot be canceled`);
  if (job.status === "CANCELED") return accept(job);
  return accept({ ...job, status: "CANCELED", endedAt: job.endedAt ?? now });
}

/** Lets a halted job go on. A canceled job that finished all the same, because what ran could still end it, is completed. */
export function decideJobRetried(job: JobRecord, now: number): Result<JobRecord> {
  if (!isHalted(job)) {
    const state = job.status === "COMPLETED" ? "completed" : "not ended";
    return reject("JOB_NOT_HALTED", `job ${job.id} is ${state}; only failed and canceled jobs can be retried`);
  }
  const resumed = { ...job, error: null, failedTaskId: null };
  if (job.openGroups === 0) return accept({ ...resumed, status: "COMPLETED", endedAt: now });
  return accept({ ...resumed, status: "OPEN", endedAt: null });
}

/** A failed task of a job that is retried: queued again with fresh budgets. */
export function decideTaskRetried(task: TaskRecord): TaskRecord {
  return { ...task, state: "QUEUED", held: false, availableAt: 0, failures: 0, crashes: 0 };
}

/** A queued task brought in line with whether its job is halted; null when it is already. */
export function decideAligned(task: TaskRecord, jobHalted: boolean): TaskRecord | null {
  if (task.state !== "QUEUED" || task.held === jobHalted) return null;
  return { ...task, held: jobHalted };
}

/** A queued task whose backoff has passed. */
export function decideDue(task: TaskRecord): TaskRecord {
  return { ...task, availableAt: 0 };
}
