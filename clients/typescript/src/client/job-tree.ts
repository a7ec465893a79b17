import type { JobTask, TaskNode } from "../model.ts";

interface OpenNode extends JobTask {
  readonly children: OpenNode[];
}

/** Puts the tasks of a job under their parents, whatever their order; children keep it. */
export async function buildTree(tasks: AsyncIterable<JobTask>): Promise<readonly TaskNode[]> {
  const nodes = new Map<string, OpenNode>();
  for await (const task of tasks) nodes.set(task.id, { ...task, children: [] });
  const roots: OpenNode[] = [];
  for (const node of nodes.values()) {
    const siblings = node.parentId === undefined ? roots : nodes.get(node.parentId)?.children;
    siblings?.push(node);
  }
  return roots;
}
