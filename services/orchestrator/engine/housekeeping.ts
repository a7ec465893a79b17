import { decideDue } from "../domain/halt.ts";
import type { SessionRecord, TaskRecord } from "../domain/records.ts";
import { decideLost, decideTimedOut } from "../domain/settle.ts";
import type { BatchContext } from "./batch-context.ts";
import { type DoneTasks, dropParts, putFailed } from "./propagate.ts";
import { forEachLease, prepareTasks } from "./sessions.ts";
import { attemptContext } from "./settle.ts";

/**
 * What time does: leases that run out, attempts that time out, backoffs that pass, jobs that have been kept long enough. Each step is bounded, reads
 * what is due from an index, and may run on several orchestrators at once: whoever commits first has done it.
 */

/** Sessions given up in one batch. */
const SESSIONS_PER_BATCH = 20;
const PRUNED_PER_BATCH = 100;
/** An upload to the job cache to which nothing was added for longer has been left behind by whoever began it. */
const UPLOAD_PATIENCE_MS = 3_600_000;
const UPLOADS_PER_BATCH = 10;

export interface Housekept {
  readonly expired: readonly SessionRecord[];
  readonly lostLeases: number;
  readonly crashBudgetsSpent: number;
  /** Tasks whose attempt timed out, as they were while they ran. */
  readonly timedOut: readonly TaskRecord[];
  /** There is more that is due already. */
  readonly more: boolean;
  /** When the next backoff or attempt timeout ends. */
  readonly nextTime: number;
}

/** `mayExpire` is false for a while after the orchestrator or its store was away: runners first get the time to come back. */
export async function keepHouse(context: BatchContext, mayExpire: boolean, done: DoneTasks): Promise<Housekept> {
  const { uow, settings } = context;
  const limit = settings.sliceSize;
  await uow.flushTasks();
  const expired = mayExpire ? await uow.tx.expiredSessions(uow.now, SESSIONS_PER_BATCH) : [];
  const lost = await expireSessions(context, expired, done);
  await uow.flushTasks();
  const overdue = await uow.tx.overdueTasks(uow.now, limit);
  const timedOut = await timeOut(context, overdue, done);
  const due = await uow.tx.dueTasks(uow.now, limit);
  for (const task of await prepareTasks(context, due)) {
    if (task.state === "QUEUED" && task.availableAt > 0 && task.availableAt <= uow.now) uow.putTask(decideDue(task));
  }
  const pruned = await startPruning(context);
  for (const id of await uow.tx.abandonedUploads(uow.now - UPLOAD_PATIENCE_MS, UPLOADS_PER_BATCH)) {
    uow.write("abortUploads", id);
  }
  await uow.flushTasks();
  const next = await uow.tx.nextTimes();
  return {
    expired,
    ...lost,
    timedOut,
    more: [overdue.length, due.length].includes(limit) || expired.length === SESSIONS_PER_BATCH || pruned,
    nextTime: Math.min(next.dueAt ?? Number.POSITIVE_INFINITY, next.deadlineAt ?? Number.POSITIVE_INFINITY),
  };
}

async function expireSessions(
  context: BatchContext,
  expired: readonly SessionRecord[],
  done: DoneTasks,
): Promise<{ readonly lostLeases: number; readonly crashBudgetsSpent: number }> {
  const { uow, settings } = context;
  let lostLeases = 0;
  let crashBudgetsSpent = 0;
  for (const session of expired) {
    await forEachLease(context, session.id, (task) => {
      const lost = decideLost(task, attemptContext(context, task), settings.maxCrashes);
      putFailed(uow, lost, done);
      // While its token stays, a late outcome may still seal them.
      if (lost.task.leaseToken === null) dropParts(uow, task);
      lostLeases++;
      if (lost.reach !== null) crashBudgetsSpent++;
    });
    // At once: a session that has been given up must not be granted anything in this batch.
    await uow.tx.write({ deleteSessions: [session.id] });
  }
  return { lostLeases, crashBudgetsSpent };
}

async function timeOut(context: BatchContext, overdue: readonly TaskRecord[], done: DoneTasks): Promise<TaskRecord[]> {
  const { uow } = context;
  const timedOut: TaskRecord[] = [];
  for (const task of await prepareTasks(context, overdue)) {
    if (task.state !== "RUNNING" || task.deadlineAt === null || task.deadlineAt > uow.now) continue;
    putFailed(uow, decideTimedOut(task, attemptContext(context, task), context.options.random), done);
    dropParts(uow, task);
    timedOut.push(task);
  }
  return timedOut;
}

async function startPruning(context: BatchContext): Promise<boolean> {
  const { uow, settings } = context;
  if (settings.retentionMs === 0) return false;
  const ended = await uow.tx.endedJobs(uow.now - settings.retentionMs, PRUNED_PER_BATCH);
  for (const job of ended) {
    // A task of a failed job may run on; the job is kept until it has ended.
    if (job.counts.RUNNING === 0) uow.addWork("prune", job.id, job.id);
  }
  return ended.length === PRUNED_PER_BATCH;
}
