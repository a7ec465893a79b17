import { TaskgroveError } from "../errors.ts";
import type { Cluster as ClusterMessage } from "../gen/taskgrove/v1/cluster.ts";
import { type Job as JobMessage, JobState as JobStateValue } from "../gen/taskgrove/v1/job.ts";
import type { TaskChange as TaskChangeMessage, WatchJobResponse } from "../gen/taskgrove/v1/job_service.ts";
import type { Runner as RunnerMessage } from "../gen/taskgrove/v1/runner.ts";
import {
  QueuedReason as QueuedReasonValue,
  type Task as TaskMessage,
  TaskState as TaskStateValue,
} from "../gen/taskgrove/v1/task.ts";
import type { TaskIdentifier } from "../gen/taskgrove/v1/version.ts";
import type {
  Cluster,
  Job,
  JobState,
  JobTask,
  JobUpdate,
  QueuedReason,
  RunnerInfo,
  TaskChange,
  TaskState,
} from "../model.ts";
import type { Identifier } from "../task.ts";

const jobStates = enumNames<JobState>(JobStateValue, "JOB_STATE_");
const taskStates = enumNames<TaskState>(TaskStateValue, "TASK_STATE_");
const queuedReasons = enumNames<QueuedReason>(QueuedReasonValue, "QUEUED_REASON_");

/** The number of a job state on the wire. */
export function encodeJobState(state: JobState): JobStateValue {
  return JobStateValue[`JOB_STATE_${state}`];
}

/** The number of a task state on the wire. */
export function encodeTaskState(state: TaskState): TaskStateValue {
  return TaskStateValue[`TASK_STATE_${state}`];
}

/** A job as users see it. @throws TaskgroveError when the message lacks what every job has. */
export function decodeJob(message: JobMessage | undefined): Job {
  const job = required(message, "job");
  return {
    id: job.id,
    name: job.name,
    state: required(jobStates.get(job.state), "job.state"),
    submittedAt: required(job.submittedAt, "job.submitted_at"),
    startedAt: job.startedAt,
    endedAt: job.endedAt,
    taskCounts: required(job.taskCounts, "job.task_counts"),
    progress: job.progress,
    error: job.error,
    failedTaskId: optionalText(job.failedTaskId),
    priority: job.priority,
    traceParent: optionalText(job.traceParent),
  };
}

/** A task as users see it. Errors as {@link decodeJob}. */
export function decodeTask(task: TaskMessage, withInput: boolean): JobTask {
  return {
    id: task.id,
    jobId: task.jobId,
    parentId: optionalText(task.parentId),
    identifier: decodeIdentifier(required(task.identifier, "task.identifier")),
    cluster: task.cluster,
    state: required(taskStates.get(task.state), "task.state"),
    queuedReason: queuedReasons.get(task.queuedReason),
    display: task.display,
    attempt: task.attempt,
    failures: task.failures,
    crashes: task.crashes,
    maxRetries: task.retry?.maxRetries ?? 0,
    optional: task.optional,
    priority: task.priority,
    depth: task.depth,
    group: task.group,
    nextAttemptAt: task.nextAttemptAt,
    startedAt: task.startedAt,
    stoppedAt: task.stoppedAt,
    error: task.error,
    progress: task.progress,
    sessionId: optionalText(task.sessionId),
    input: withInput ? task.input : undefined,
    attemptTimeoutMs: task.attemptTimeout && task.attemptTimeout.seconds * 1000 + task.attemptTimeout.nanos / 1e6,
  };
}

/** An update of a watched job. Errors as {@link decodeJob}. */
export function decodeUpdate(response: WatchJobResponse): JobUpdate {
  return {
    resumeToken: response.resumeToken,
    job: response.job && decodeJob(response.job),
    tasks: response.tasks.map(decodeTaskChange),
  };
}

function decodeTaskChange(change: TaskChangeMessage): TaskChange {
  return {
    taskId: change.taskId,
    parentId: optionalText(change.parentId),
    identifier: change.identifier && decodeIdentifier(change.identifier),
    state: required(taskStates.get(change.state), "task.state"),
    attempt: change.attempt,
    display: optionalText(change.display),
    group: change.group,
    error: change.error,
  };
}

/** A cluster as users see it. Errors as {@link decodeJob}. */
export function decodeCluster(message: ClusterMessage | undefined): Cluster {
  const cluster = required(message, "cluster");
  return { ...cluster, createdAt: required(cluster.createdAt, "cluster.created_at") };
}

/** A runner as users see it. Errors as {@link decodeJob}. */
export function decodeRunner(runner: RunnerMessage): RunnerInfo {
  return {
    sessionId: runner.sessionId,
    name: runner.name,
    cluster: runner.cluster,
    identifiers: runner.identifiers.map(decodeIdentifier),
    running: runner.running,
    connectedAt: required(runner.connectedAt, "runner.connected_at"),
    leaseExpiresAt: required(runner.leaseExpiresAt, "runner.lease_expires_at"),
  };
}

function decodeIdentifier(identifier: TaskIdentifier): Identifier {
  return [identifier.name, identifier.version];
}

function optionalText(text: string): string | undefined {
  return text === "" ? undefined : text;
}

function required<Value>(value: Value | undefined, field: string): Value {
  if (value === undefined) throw new TaskgroveError("INTERNAL", "BAD_RESPONSE", `the response lacks ${field}`);
  return value;
}

/** From numbers on the wire to names without the prefix; the unspecified one is left out. */
function enumNames<Name extends string>(values: Record<string, number>, prefix: string): ReadonlyMap<number, Name> {
  const names = Object.entries(values).filter(([, value]) => value > 0);
  return new Map(names.map(([name, value]) => [value, name.slice(prefix.length) as Name]));
}
