import { decideCanceled, decideJobRetried, decideTaskRetried } from "../domain/halt.ts";
import type { JobRecord, TaskRecord } from "../domain/records.ts";
import { accept, type Result, reject } from "../domain/rejection.ts";
import type { RetriedJob } from "./api.ts";
import type { BatchContext } from "./batch-context.ts";
import { prepareTasks } from "./sessions.ts";

const TASKS_PER_PAGE = 1_000;
/** Runners of at most this many running tasks are told of a cancel; the others notice when they report. */
const MAX_TOLD = 10_000;

export interface CanceledJob {
  readonly job: JobRecord;
  /** Its running tasks, whose runners are to be told. */
  readonly running: readonly TaskRecord[];
}

/** Halts a job: one record, whatever its size. */
export async function cancelJob(context: BatchContext, jobId: string): Promise<Result<CanceledJob>> {
  const { uow } = context;
  await uow.loadJobs([jobId]);
  const before = uow.findJob(jobId);
  if (before === undefined) return jobNotFound(jobId);
  const canceled = decideCanceled(before, uow.now);
  if (!canceled.ok) return canceled;
  const job = canceled.value;
  if (job === before) return accept({ job, running: [] });
  uow.putJob(job);
  uow.canceledJobs.push(jobId);
  uow.addWork("align", jobId, jobId);
  return accept({ job, running: await runningOfCanceled(context, jobId) });
}

/** The running tasks of a job that is canceled, whose runners are to be told; none of any other job. */
export async function runningOfCanceled(context: BatchContext, jobId: string): Promise<readonly TaskRecord[]> {
  const { uow } = context;
  await uow.loadJobs([jobId]);
  if (uow.findJob(jobId)?.status !== "CANCELED") return [];
  await uow.flushTasks();
  return uow.tx.runningTasksOfJob(jobId, MAX_TOLD);
}

/** Those of these tasks that run for a canceled job. */
export async function thoseOfCanceledJobs(
  context: BatchContext,
  taskIds: readonly string[],
): Promise<readonly TaskRecord[]> {
  const { uow } = context;
  await uow.loadTasks(taskIds);
  const tasks = taskIds.map((id) => uow.task(id)).filter((task) => task !== undefined);
  await uow.loadJobs(tasks.map((task) => task.jobId));
  return tasks.filter((task) => task.state === "RUNNING" && uow.findJob(task.jobId)?.status === "CANCELED");
}

/** Lets a failed or canceled job go on from where it stopped. */
export async function retryJob(context: BatchContext, jobId: string): Promise<Result<RetriedJob>> {
  const { uow } = context;
  await uow.loadJobs([jobId]);
  const before = uow.findJob(jobId);
  if (before === undefined || isExpired(context, before)) return jobNotFound(jobId);
  const retried = decideJobRetried(before, uow.now);
  if (!retried.ok) return retried;
  uow.putJob(retried.value);
  const requeuedTasks = await requeueFailed(context, jobId);
  uow.addWork("align", jobId, jobId);
  return accept({ job: retried.value, requeuedTasks });
}

async function requeueFailed(context: BatchContext, jobId: string): Promise<number> {
  const { uow } = context;
  let requeued = 0;
  await uow.flushTasks();
  for (let after: string | null = null; ; ) {
    const found: readonly TaskRecord[] = await uow.tx.failedTasksOfJob(jobId, after, TASKS_PER_PAGE);
    for (const task of await prepareTasks(context, found)) {
      if (task.state !== "FAILED") continue;
      uow.putTask(decideTaskRetried(task));
      requeued++;
    }
    const last = found.at(-1);
    if (last === undefined || found.length < TASKS_PER_PAGE) return requeued;
    after = last.id;
  }
}

/** Clocks of orchestrators may differ by less than this. */
const CLOCK_SKEW_MS = 60_000;

/** A job past its retention may be half deleted already, by an orchestrator whose clock is ahead of this one. */
function isExpired(context: BatchContext, job: JobRecord): boolean {
  const { retentionMs } = context.settings;
  const skew = Math.min(CLOCK_SKEW_MS, retentionMs / 10);
  return retentionMs > 0 && job.endedAt !== null && job.endedAt <= context.uow.now - retentionMs + skew;
}

function jobNotFound(jobId: string): ReturnType<typeof reject> {
  return reject("JOB_NOT_FOUND", `job ${jobId} does not exist`);
}
