import { closeGroupOfJob, closeGroupOfTask, countDone, countReady, isClosed } from "../domain/close.ts";
import { decideJobFailed } from "../domain/halt.ts";
import { type GroupRecord, groupId, isDone, type TaskRecord } from "../domain/records.ts";
import type { FailedAttempt } from "../domain/settle.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

/** Tasks that became done, by group: what `propagate` is given. */
export class DoneTasks {
  readonly byGroup = new Map<string, number>();

  add(groupId: string, count = 1): void {
    this.byGroup.set(groupId, (this.byGroup.get(groupId) ?? 0) + count);
  }
}

/** Stores how a task's attempt ended and notes it when the task is done. */
export function putEnded(uow: UnitOfWork, task: TaskRecord, done: DoneTasks): void {
  uow.putTask(task);
  if (isDone(task.state)) done.add(task.groupId);
}

/** Forgets the parts that an attempt has staged and can no longer seal. `task` is as it was during the attempt. */
export function dropParts(uow: UnitOfWork, task: TaskRecord): void {
  if (task.leaseToken !== null) uow.write("deleteParts", { taskId: task.id, leaseToken: task.leaseToken });
}

/** Stores a failed attempt and, when it failed for good, lets the failure reach its branch or its job. The task's scope must be loaded. */
export function putFailed(uow: UnitOfWork, failed: FailedAttempt, done: DoneTasks): void {
  const { task, reach } = failed;
  putEnded(uow, task, done);
  if (reach === "branch" && task.scopeId !== null) failBranch(uow, task.scopeId);
  if (reach === "job") {
    const job = uow.job(task.jobId);
    const failedJob = decideJobFailed(job, task.id, task.error, uow.now);
    if (failedJob === job) return;
    uow.putJob(failedJob);
    uow.addWork("align", job.id, job.id);
  }
}

function failBranch(uow: UnitOfWork, scopeId: string): void {
  const scope = uow.task(scopeId);
  if (scope === undefined || scope.branchFailed) return;
  uow.putTask({ ...scope, branchFailed: true });
  uow.addWork("skip", scope.jobId, scope.id);
}

/**
 * Lets the end of tasks travel upward, one level of the tree at a time, so that each level costs one load whatever its width. Loads what it needs.
 */
export async function propagate(uow: UnitOfWork, done: DoneTasks): Promise<void> {
  let level: ReadonlyMap<string, number> = done.byGroup;
  while (level.size > 0) {
    await uow.loadGroups(level.keys());
    const closed: GroupRecord[] = [];
    for (const [id, count] of level) {
      const group = countDone(uow.group(id), count);
      uow.putGroup(group);
      if (isClosed(group)) closed.push(group);
    }
    level = await closeGroups(uow, closed);
  }
  done.byGroup.clear();
}

/** Counts down what waited for these groups. Returns the tasks that became done by it. */
async function closeGroups(uow: UnitOfWork, closed: readonly GroupRecord[]): Promise<ReadonlyMap<string, number>> {
  const next = new DoneTasks();
  if (closed.length === 0) return next.byGroup;
  await uow.loadGroups(closed.flatMap(dependentIds));
  await uow.loadTasks(closed.flatMap((group) => group.parentId ?? []));
  await uow.loadJobs(closed.map((group) => group.jobId));
  for (const group of closed) {
    for (const id of dependentIds(group)) {
      const dependent = countReady(uow.group(id));
      uow.putGroup(dependent);
      if (dependent.waiting === 0) uow.addWork("release", dependent.jobId, dependent.id);
    }
    closeParent(uow, group, next);
  }
  return next.byGroup;
}

function closeParent(uow: UnitOfWork, group: GroupRecord, next: DoneTasks): void {
  if (group.parentId === null) {
    uow.putJob(closeGroupOfJob(uow.job(group.jobId), uow.now));
    return;
  }
  const before = uow.task(group.parentId);
  if (before === undefined) throw new Error(`parent ${group.parentId} of group ${group.id} does not exist`);
  const parent = closeGroupOfTask(before);
  uow.putTask(parent);
  if (isDone(parent.state)) next.add(parent.groupId);
}

function dependentIds(group: GroupRecord): string[] {
  return group.dependents.map((index) => groupId(group.parentId ?? group.jobId, index));
}
