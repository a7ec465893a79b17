import type { GroupRecord, JobRecord, TaskRecord } from "./records.ts";

/**
 * How the end of a subtree travels upward: a task that is done counts its group down; a group that has nothing open is closed; that counts
 * down what waits for it: the groups that depend on it and its parent. Counters only: children are never scanned.
 */

/** The group after this many more of its tasks are done. */
export function countDone(group: GroupRecord, tasks: number): GroupRecord {
  return { ...group, open: group.open - tasks };
}

export function isClosed(group: GroupRecord): boolean {
  return group.open === 0;
}

/** A dependent group after one of those that it waits for has closed. When it waits for nothing more its tasks may be queued. */
export function countReady(group: GroupRecord): GroupRecord {
  return { ...group, waiting: group.waiting - 1 };
}

/** The parent after one of its groups has closed: completed when it was the last. */
export function closeGroupOfTask(parent: TaskRecord): TaskRecord {
  const openGroups = parent.openGroups - 1;
  const completes = openGroups === 0 && parent.state === "COMPUTED";
  return { ...parent, openGroups, state: completes ? "COMPLETED" : parent.state };
}

/** The job after one of its root groups has closed: completed when it was the last, unless it has been halted. */
export function closeGroupOfJob(job: JobRecord, now: number): JobRecord {
  const openGroups = job.openGroups - 1;
  if (openGroups > 0 || job.status !== "OPEN") return { ...job, openGroups };
  return { ...job, openGroups, status: "COMPLETED", endedAt: now };
}

/** A blocked task of a group that waits for nothing more. */
export function decideUnblocked(task: TaskRecord, jobHalted: boolean): TaskRecord {
  return { ...task, state: "QUEUED", held: jobHalted };
}

/** A task inside an optional branch that failed, if it has not started or waits for another attempt; null when it is left alone. */
export function decideSkipped(task: TaskRecord): TaskRecord | null {
  if (task.state !== "BLOCKED" && task.state !== "QUEUED") return null;
  return { ...task, state: "SKIPPED", held: false, availableAt: 0, leaseToken: null };
}
