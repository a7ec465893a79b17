import type { RetryPolicy } from "../domain/records.ts";
import type { JobSubmission, TaskSet, TaskTemplate } from "../domain/submission.ts";

/** Short ways to write submissions down in tests. */

export const NO_RETRY: RetryPolicy = {
  maxRetries: 0,
  initialBackoffMs: 0,
  multiplier: 2,
  maxBackoffMs: 3_600_000,
  jitter: 0,
};

/** A template for task `Task` v1.0, but for what is given. */
export function aTemplate(changes: Partial<TaskTemplate> = {}): TaskTemplate {
  return {
    name: "Task",
    version: "v1.0",
    cluster: "",
    retry: NO_RETRY,
    optional: false,
    priority: null,
    attemptTimeoutMs: null,
    display: "",
    ...changes,
  };
}

/** A group: inputs of its tasks, the groups that it waits for, what its tasks have in common. */
export interface GroupShape extends Partial<TaskTemplate> {
  readonly tasks: readonly string[];
  readonly dependsOn?: readonly number[];
}

/** A set of tasks, each known by the text of its input. */
export function aSet(...shapes: readonly (GroupShape | string)[]): TaskSet {
  const groups = shapes.map((shape): GroupShape => (typeof shape === "string" ? { tasks: [shape] } : shape));
  return {
    templates: groups.map(({ tasks: _tasks, dependsOn: _dependsOn, ...template }) => aTemplate(template)),
    groups: groups.map(({ tasks, dependsOn = [] }, template) => ({
      dependsOn,
      tasks: tasks.map((text) => ({ template, input: Buffer.from(text), display: "" })),
    })),
    firstGroup: 0,
  };
}

export interface JobShape extends Partial<Omit<JobSubmission, "tasks">> {
  readonly tasks?: TaskSet;
}

/** A job with one root task `root`, but for what is given. */
export function aJob({ tasks = aSet("root"), ...changes }: JobShape = {}): JobSubmission {
  return { name: "job", tasks, idempotencyKey: null, bodyDigest: null, priority: 0, traceParent: "", ...changes };
}
