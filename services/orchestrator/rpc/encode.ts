import { jobState } from "../domain/job-state.ts";
import type {
  ClusterRecord,
  JobRecord,
  RetryPolicy,
  TaskCounts,
  TaskFailure,
  TaskIdentifier,
  TaskRecord,
} from "../domain/records.ts";
import { isHalted } from "../domain/records.ts";
import { versionText } from "../domain/version.ts";
import type { CacheValue } from "../gen/taskgrove/v1/cache.ts";
import type { Cluster } from "../gen/taskgrove/v1/cluster.ts";
import type { Job, TaskCounts as ProtoTaskCounts } from "../gen/taskgrove/v1/job.ts";
import type { Runner } from "../gen/taskgrove/v1/runner.ts";
import {
  type RetryPolicy as ProtoRetryPolicy,
  type Task as ProtoTask,
  QueuedReason,
  type TaskError,
} from "../gen/taskgrove/v1/task.ts";
import type { TaskIdentifier as ProtoTaskIdentifier } from "../gen/taskgrove/v1/version.ts";
import type { CacheValueRecord, SessionWithRunning, TaskWithInput } from "../store/store.ts";
import { encodeDuration, encodeTime } from "./durations.ts";
import type { QueueName } from "./queue-directory.ts";
import { JOB_STATE_TO_PROTO, TASK_STATE_TO_PROTO } from "./states.ts";

/** Shows a job. */
export function encodeJob(job: JobRecord): Job {
  return {
    id: job.id,
    name: job.name,
    state: JOB_STATE_TO_PROTO[jobState(job)],
    submittedAt: encodeTime(job.submittedAt),
    startedAt: encodeTime(job.startedAt),
    endedAt: encodeTime(job.endedAt),
    taskCounts: encodeCounts(job.counts),
    progress: [...job.progress],
    error: encodeError(job.error),
    failedTaskId: job.failedTaskId ?? "",
    priority: job.priority,
    traceParent: job.traceParent,
  };
}

/** Shows a task of a job. */
export function encodeTask({ task, input }: TaskWithInput, job: JobRecord, queue: QueueName | undefined): ProtoTask {
  return {
    id: task.id,
    jobId: task.jobId,
    parentId: task.parentId ?? "",
    identifier: queue === undefined ? undefined : encodeIdentifier(queue),
    cluster: queue?.cluster ?? "",
    state: TASK_STATE_TO_PROTO[task.state],
    queuedReason: queuedReason(task, job),
    display: task.display === "" ? (queue?.name ?? "") : task.display,
    attempt: task.attempt,
    failures: task.failures,
    crashes: task.crashes,
    retry: encodeRetry(task.retry),
    optional: task.optional,
    priority: task.priority,
    depth: task.depth,
    group: groupIndex(task.groupId),
    nextAttemptAt: task.state === "QUEUED" && task.availableAt > 0 ? new Date(task.availableAt) : undefined,
    startedAt: encodeTime(task.startedAt),
    stoppedAt: encodeTime(task.stoppedAt),
    error: encodeError(task.error),
    progress: [...task.progress],
    sessionId: task.state === "RUNNING" ? (task.sessionId ?? "") : "",
    input: asBuffer(input),
    attemptTimeout: task.attemptTimeoutMs === null ? undefined : encodeDuration(task.attemptTimeoutMs),
  };
}

/** Shows a runner's session. */
export function encodeRunner({ session, running }: SessionWithRunning): Runner {
  return {
    sessionId: session.id,
    name: session.runnerName,
    cluster: session.cluster,
    identifiers: session.identifiers.map(encodeIdentifier),
    running,
    connectedAt: encodeTime(session.connectedAt),
    leaseExpiresAt: encodeTime(session.expiresAt),
  };
}

/** Shows a cluster. */
export function encodeCluster(cluster: ClusterRecord, isDefault: boolean): Cluster {
  return {
    slug: cluster.slug,
    displayName: cluster.displayName,
    description: cluster.description,
    createdAt: encodeTime(cluster.createdAt),
    deletable: !isDefault,
  };
}

/** Shows a value of the job cache. */
export function encodeCacheValue(value: CacheValueRecord): CacheValue {
  return { key: value.key, size: value.size, writtenAt: encodeTime(value.writtenAt) };
}

/** Shows a task identifier. */
export function encodeIdentifier(identifier: TaskIdentifier): ProtoTaskIdentifier {
  return { name: identifier.name, version: versionText(identifier) };
}

/** Shows an error. */
export function encodeError(error: TaskFailure | null | undefined): TaskError | undefined {
  return error ?? undefined;
}

/** The same bytes as a Buffer, which the generated types want; nothing is copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function encodeCounts(counts: TaskCounts): ProtoTaskCounts {
  return {
    queued: counts.BLOCKED + counts.QUEUED,
    running: counts.RUNNING,
    computed: counts.COMPUTED,
    completed: counts.COMPLETED,
    failed: counts.FAILED,
    failedOptional: counts.FAILED_OPTIONAL,
    skipped: counts.SKIPPED,
  };
}

function encodeRetry(retry: RetryPolicy): ProtoRetryPolicy {
  return {
    maxRetries: retry.maxRetries,
    initialBackoff: encodeDuration(retry.initialBackoffMs),
    multiplier: retry.multiplier,
    maxBackoff: encodeDuration(retry.maxBackoffMs),
    jitter: retry.jitter,
  };
}

function queuedReason(task: TaskRecord, job: JobRecord): QueuedReason {
  if (task.state === "BLOCKED") return QueuedReason.QUEUED_REASON_DEPENDENCIES;
  if (task.state !== "QUEUED") return QueuedReason.QUEUED_REASON_UNSPECIFIED;
  if (task.availableAt > 0) return QueuedReason.QUEUED_REASON_BACKOFF;
  return isHalted(job) ? QueuedReason.QUEUED_REASON_JOB_HALTED : QueuedReason.QUEUED_REASON_READY;
}

/** The index at the end of a group's id, see `groupId()`. */
function groupIndex(groupId: string): number {
  return Number(groupId.slice(groupId.lastIndexOf(".") + 1));
}
