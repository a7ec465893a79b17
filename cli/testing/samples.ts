import type { Identifier, Job, JobTask, TaskChange, TaskState } from "taskgrove";

/** When the sample job was submitted, in milliseconds since the epoch. */
export const submittedAt = Date.UTC(2026, 10, 24, 4, 30, 0);

/** A job; the test names what matters. */
export function aJob(fields: Partial<Job> = {}): Job {
  return {
    id: "JOB1",
    name: "world map",
    state: "RUNNING",
    submittedAt: new Date(submittedAt),
    startedAt: new Date(submittedAt + 10),
    endedAt: undefined,
    taskCounts: { queued: 0, running: 0, computed: 0, completed: 0, failed: 0, failedOptional: 0, skipped: 0 },
    progress: [],
    error: undefined,
    failedTaskId: undefined,
    priority: 0,
    traceParent: undefined,
    ...fields,
  };
}

/** A task as it is listed; the test names what matters. */
export function aTask(id: string, fields: Partial<JobTask> = {}): JobTask {
  return {
    id,
    jobId: "JOB1",
    parentId: undefined,
    identifier: ["example.com/Work", "v1.0"],
    cluster: "default",
    state: "COMPLETED",
    queuedReason: undefined,
    display: "",
    attempt: 1,
    failures: 0,
    crashes: 0,
    maxRetries: 0,
    optional: false,
    priority: 0,
    depth: 0,
    group: 0,
    nextAttemptAt: undefined,
    startedAt: new Date(submittedAt),
    stoppedAt: new Date(submittedAt + 1_500),
    error: undefined,
    progress: [],
    sessionId: undefined,
    input: undefined,
    attemptTimeoutMs: undefined,
    ...fields,
  };
}

/** The first change of a task. */
export function added(
  taskId: string,
  parentId: string | undefined,
  name: string,
  fields: Partial<TaskChange> = {},
): TaskChange {
  const identifier: Identifier = [name, "v1.0"];
  const state: TaskState = "QUEUED";
  return { taskId, parentId, identifier, state, attempt: 0, display: name, group: 0, error: undefined, ...fields };
}

/** A later change of a task. */
export function moved(taskId: string, state: TaskState, fields: Partial<TaskChange> = {}): TaskChange {
  return {
    taskId,
    parentId: undefined,
    identifier: undefined,
    state,
    attempt: 1,
    display: undefined,
    group: 0,
    error: undefined,
    ...fields,
  };
}
