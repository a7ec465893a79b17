import {
  type AnyTask,
  Client,
  createStderrLogger,
  type JobTree,
  Runner,
  type RunnerOptions,
  type TaskNode,
} from "taskgrove";

/** What to run, and on how much of a runner. */
export type JobRun = Readonly<{
  /** Where the orchestrator is, `host:port`. */
  address: string;
  /** The job's name. */
  name: string;
  /** Its root task. */
  root: AnyTask;
  /** What the runner can execute, and how many at once. */
  runner: Pick<RunnerOptions, "tasks" | "concurrency">;
}>;

/**
 * Submits a job and runs it on one runner within this process until nothing is left to do.
 *
 * @returns the job as it ended, with all its tasks. Whether it has completed is for the caller to see.
 */
export async function runJob({ address, name, root, runner }: JobRun): Promise<JobTree> {
  using client = new Client({ address });
  const job = await client.jobs.submit(name, root);
  // What fails in tasks is part of the result, so only the runner's own trouble is worth a line.
  await new Runner({ ...runner, address, logger: createStderrLogger("error") }).runAll();
  // Awaited here: the client is closed when this function returns.
  return await client.jobs.tree(job.id);
}

/** A job's tasks, one a line, indented by depth: what each is called and where it stands. */
export function formatTree(tree: JobTree): string {
  return tree.roots.flatMap((root) => formatNode(root, "")).join("\n");
}

/** How many tasks a job has. */
export function countTasks(tree: JobTree): number {
  const count = (node: TaskNode): number => node.children.reduce((sum, child) => sum + count(child), 1);
  return tree.roots.reduce((sum, root) => sum + count(root), 0);
}

function formatNode(node: TaskNode, indent: string): string[] {
  return [
    `${indent}${node.display || node.identifier[0]} ${node.state}`,
    ...node.children.flatMap((child) => formatNode(child, `${indent}  `)),
  ];
}
