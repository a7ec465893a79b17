import type { Progress, RetryPolicy, TaskIdentifier, TaskState } from "../domain/records.ts";
import type { TaskSpec, TaskTemplate } from "../domain/submission.ts";

/** The tree of the reference model, and what follows from it by recursion. */

export interface ModelJob {
  readonly id: string;
  readonly order: number;
  readonly priority: number;
  status: "OPEN" | "COMPLETED" | "FAILED" | "CANCELED";
  readonly roots: ModelGroup[];
  startedAt: number | null;
  endedAt: number | null;
  failedTask: ModelTask | null;
}

export interface ModelGroup {
  readonly tasks: ModelTask[];
  readonly dependsOn: ModelGroup[];
}

export interface ModelTask {
  /** The text of its input. */
  readonly label: string;
  readonly order: number;
  readonly job: ModelJob;
  readonly parent: ModelTask | null;
  readonly group: ModelGroup;
  readonly cluster: string;
  readonly identifier: TaskIdentifier;
  readonly retry: RetryPolicy;
  readonly optional: boolean;
  readonly priority: number;
  readonly depth: number;
  readonly attemptTimeoutMs: number | null;
  /** What has happened to the task itself. Whether it is blocked, or completed, follows from others. */
  own: "waiting" | "running" | "computed" | "failed" | "tolerated" | "skipped";
  attempt: number;
  failures: number;
  crashes: number;
  lease: string | null;
  settledToken: string | null;
  session: string | null;
  dueAt: number;
  startedAt: number | null;
  stoppedAt: number | null;
  error: string | null;
  display: string;
  progress: readonly Progress[];
  readonly groups: ModelGroup[];
  /** Something below it failed for good, and it is the nearest optional task above. */
  branchFailed: boolean;
}

export interface ModelSession {
  readonly id: string;
  credits: number;
  draining: boolean;
  /** When the runner was last heard of. */
  lastSeen: number;
}

export function newModelTask(
  job: ModelJob,
  parent: ModelTask | null,
  group: ModelGroup,
  spec: TaskSpec,
  templates: readonly TaskTemplate[],
  order: number,
): ModelTask {
  const template = templates[spec.template];
  if (template === undefined) throw new Error("the task has no template");
  const [major = 0, minor = 0] = template.version.slice(1).split(".").map(Number);
  return {
    label: Buffer.from(spec.input).toString(),
    order,
    job,
    parent,
    group,
    cluster: template.cluster !== "" ? template.cluster : (parent?.cluster ?? "default"),
    identifier: { name: template.name, major, minor },
    retry: template.retry,
    optional: template.optional,
    priority: template.priority ?? parent?.priority ?? job.priority,
    depth: parent === null ? 0 : parent.depth + 1,
    attemptTimeoutMs: template.attemptTimeoutMs,
    own: "waiting",
    attempt: 0,
    failures: 0,
    crashes: 0,
    lease: null,
    settledToken: null,
    session: null,
    dueAt: 0,
    startedAt: null,
    stoppedAt: null,
    error: null,
    display: spec.display !== "" ? spec.display : template.display,
    progress: [],
    groups: [],
    branchFailed: false,
  };
}

export function isClosed(group: ModelGroup): boolean {
  return group.tasks.every(isDone);
}

export function isDone(task: ModelTask): boolean {
  if (task.own === "computed") return task.groups.every(isClosed);
  return task.own === "tolerated" || task.own === "skipped";
}

export function stateOf(task: ModelTask): TaskState {
  switch (task.own) {
    case "waiting":
      return task.group.dependsOn.every(isClosed) ? "QUEUED" : "BLOCKED";
    case "computed":
      return isDone(task) ? "COMPLETED" : "COMPUTED";
    case "running":
      return "RUNNING";
    case "failed":
      return "FAILED";
    case "tolerated":
      return "FAILED_OPTIONAL";
    case "skipped":
      return "SKIPPED";
  }
}

/** Whether the task is inside an optional branch that failed. */
export function isBelowFailedBranch(task: ModelTask): boolean {
  for (let above = task.parent; above !== null; above = above.parent) {
    if (above.optional && above.branchFailed) return true;
  }
  return false;
}

export function jobStateOf(job: ModelJob, tasks: readonly ModelTask[]): string {
  if (job.status !== "OPEN") return job.status;
  if (tasks.some((task) => task.own === "running")) return "RUNNING";
  return job.startedAt === null ? "SUBMITTED" : "STARTED";
}
