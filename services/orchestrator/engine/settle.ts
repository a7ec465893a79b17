import type { TaskRecord } from "../domain/records.ts";
import { accept, type Rejection, type Result } from "../domain/rejection.ts";
import { type AttemptContext, checkLease, decideComputed, decideFailed, decideReleased } from "../domain/settle.ts";
import { type GroupShape, type ParsedTaskSet, shapesOf } from "../domain/validate.ts";
import type { PartHeader } from "../store/store.ts";
import type { BatchContext } from "./batch-context.ts";
import { insertGroups, insertTasks, resolveQueues, sizeOf } from "./create-tasks.ts";
import type { OutcomeKind } from "./observer.ts";
import { joinParts, stagePart } from "./parts.ts";
import type { PreparedOutcome, PreparedPart, PreparedReport } from "./prepare.ts";
import { type DoneTasks, dropParts, putEnded, putFailed } from "./propagate.ts";

/** What came of one outcome. */
export interface SettledOutcome {
  readonly rejection: Rejection | null;
  readonly kind: OutcomeKind;
  /** null when the task is not known. */
  readonly queueId: number | null;
}

/** Loads what outcomes, parts and reports of these tasks need: the tasks, their jobs, their queues and their optional branches. */
export async function loadForSettle(context: BatchContext, taskIds: Iterable<string>): Promise<void> {
  const { uow } = context;
  const ids = [...taskIds];
  await uow.loadTasks(ids);
  const tasks = ids.map((id) => uow.task(id)).filter((task) => task !== undefined);
  await uow.loadJobs(tasks.map((task) => task.jobId));
  await context.ensureQueues(tasks.map((task) => task.queueId));
  await uow.loadScopes(tasks);
}

/** Applies one outcome, if its lease still counts. The task, its job and its scopes must be loaded. */
export async function settleOutcome(
  context: BatchContext,
  prepared: PreparedOutcome,
  done: DoneTasks,
): Promise<SettledOutcome> {
  const { uow } = context;
  const { outcome } = prepared;
  const task = uow.task(outcome.taskId);
  const lease = checkLease(task, outcome.leaseToken);
  if (!lease.ok) return { rejection: lease.rejection, kind: "stale", queueId: task?.queueId ?? null };
  if (task === undefined) throw new Error("a lease without a task");
  if (lease.value === "repeat") return { rejection: null, kind: "duplicate", queueId: task.queueId };
  const applied = await applyOutcome(context, task, prepared, done);
  if (!applied.ok) return { rejection: applied.rejection, kind: "refused", queueId: task.queueId };
  return { rejection: null, kind: outcome.result.kind, queueId: task.queueId };
}

async function applyOutcome(
  context: BatchContext,
  task: TaskRecord,
  prepared: PreparedOutcome,
  done: DoneTasks,
): Promise<Result<null>> {
  const { uow, options } = context;
  const { outcome } = prepared;
  if (!prepared.subtasks.ok) return prepared.subtasks;
  const { result } = outcome;
  if (result.kind === "computed") {
    return settleComputed(context, task, prepared.subtasks.value, result.parts, prepared, done);
  }
  const attempt = attemptContext(context, task);
  if (result.kind === "failed") putFailed(uow, decideFailed(task, result, outcome, attempt, options.random), done);
  else putEnded(uow, decideReleased(task, outcome, attempt), done);
  dropParts(uow, task);
  return accept(null);
}

/** What a rule about the end of an attempt needs to know. */
export function attemptContext(context: BatchContext, task: TaskRecord): AttemptContext {
  const { uow } = context;
  return { job: uow.job(task.jobId), branchFailed: uow.branchFailed(task), now: uow.now };
}

/** Whether the task is known, and its job canceled. Its job must be loaded. */
export function isOfCanceledJob({ uow }: BatchContext, taskId: string): boolean {
  const task = uow.task(taskId);
  return task !== undefined && uow.findJob(task.jobId)?.status === "CANCELED";
}

async function settleComputed(
  context: BatchContext,
  task: TaskRecord,
  inline: ParsedTaskSet | null,
  parts: number,
  prepared: PreparedOutcome,
  done: DoneTasks,
): Promise<Result<null>> {
  const { uow, settings } = context;
  const { outcome: report, mayHaveParts } = prepared;
  if (inline === null && parts === 0 && !mayHaveParts) {
    putEnded(uow, decideComputed(task, 0, report, uow.now), done);
    return accept(null);
  }
  const size = inline === null ? 0 : sizeOf(inline);
  const headers = parts > 0 || mayHaveParts ? await uow.tx.stagedParts(task.id, report.leaseToken) : [];
  const atOnce = parts === 0 && headers.length === 0 && size <= settings.sliceSize;
  const cluster = context.queue(task.queueId).cluster;
  const queueIds = inline === null ? accept([]) : await resolveQueues(context, inline.templates, cluster, "subtasks");
  if (!queueIds.ok) return queueIds;
  const shapes = atOnce
    ? accept(shapesOf(inline ?? { groups: [] }))
    : await seal(context, report, inline, parts, headers);
  if (!shapes.ok) return shapes;
  const computed = decideComputed(task, shapes.value.length, report, uow.now);
  putEnded(uow, computed, done);
  const origin = { job: uow.job(task.jobId), parent: computed, branchFailed: ownBranchFailed(context, computed) };
  insertGroups(context, origin, shapes.value);
  if (!atOnce) uow.addWork("unpack", task.jobId, task.id);
  else if (inline !== null)
    await insertTasks(context, origin, inline, queueIds.value, { from: 0, count: size, lastId: null }, done);
  return accept(null);
}

/** Whether the branch that the children of a task are born into has failed. */
export function ownBranchFailed(context: BatchContext, task: TaskRecord): boolean {
  return (task.optional && task.branchFailed) || context.uow.branchFailed(task);
}

/** Makes the subtasks that came with the outcome the last part, so that all of them are unpacked in order. */
async function seal(
  context: BatchContext,
  lease: { readonly taskId: string; readonly leaseToken: string },
  inline: ParsedTaskSet | null,
  parts: number,
  headers: readonly PartHeader[],
): Promise<Result<GroupShape[]>> {
  const { uow } = context;
  const { taskId, leaseToken } = lease;
  if (inline === null || headers.length !== parts) return joinParts(headers, parts);
  const last = stagePart(taskId, leaseToken, parts, inline);
  const shapes = joinParts([...headers, last], parts + 1);
  if (shapes.ok) await uow.putParts([last]);
  return shapes;
}

/** Stages one part, if its lease still counts. */
export async function settlePart(context: BatchContext, prepared: PreparedPart): Promise<Rejection | null> {
  const { uow } = context;
  const { part } = prepared;
  const task = uow.task(part.taskId);
  const lease = checkLease(task, part.leaseToken);
  if (!lease.ok) return lease.rejection;
  if (lease.value === "repeat" || task === undefined) return null;
  if (!prepared.subtasks.ok) return prepared.subtasks.rejection;
  const cluster = context.queue(task.queueId).cluster;
  const queues = await resolveQueues(context, prepared.subtasks.value.templates, cluster, "subtasks");
  if (!queues.ok) return queues.rejection;
  // An attempt that ends at the same time would leave the part behind.
  uow.guards.task(task.id);
  await uow.putParts([stagePart(part.taskId, part.leaseToken, part.number, prepared.subtasks.value)]);
  return null;
}

/** Replaces the progress of a running attempt. Returns the refusal, STALE_LEASE included. */
export function settleReport(context: BatchContext, prepared: PreparedReport): Rejection | null {
  const { uow } = context;
  const { report } = prepared;
  const task = uow.task(report.taskId);
  const lease = checkLease(task, report.leaseToken);
  if (!lease.ok) return lease.rejection;
  if (lease.value === "repeat" || task === undefined) return null;
  if (!prepared.valid.ok) return prepared.valid.rejection;
  const display = report.display === "" ? task.display : report.display;
  uow.putTask({ ...task, progress: report.progress, display });
  return null;
}
