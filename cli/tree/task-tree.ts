import type { JobTask } from "taskgrove";
import { addCounts, type Counts, noCounts } from "../watch/counts.ts";

/** A task with what it submitted. */
export interface TaskNode {
  readonly task: JobTask;
  readonly children: TaskNode[];
  /** The task and everything below it, by state. */
  readonly counts: Counts;
}

/** Builds the tree of a job from its tasks, parents before their children. Any depth. */
export function buildTaskTree(tasks: Iterable<JobTask>): TaskNode[] {
  const nodes = new Map<string, TaskNode>();
  const roots: TaskNode[] = [];
  for (const task of tasks) {
    const node = { task, children: [], counts: noCounts() };
    node.counts[task.state] = 1;
    nodes.set(task.id, node);
    const parent = task.parentId === undefined ? undefined : nodes.get(task.parentId);
    (parent?.children ?? roots).push(node);
  }
  for (const { task, counts } of [...nodes.values()].reverse()) {
    const parent = task.parentId === undefined ? undefined : nodes.get(task.parentId);
    if (parent !== undefined) addCounts(parent.counts, counts);
  }
  return roots;
}
