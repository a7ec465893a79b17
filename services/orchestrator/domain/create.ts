import { type GroupRecord, groupId, isHalted, type JobRecord, NO_COUNTS, type TaskRecord } from "./records.ts";
import type { JobSubmission, TaskSpec } from "./submission.ts";
import type { GroupShape, ParsedTemplate } from "./validate.ts";

/** The job of an accepted submission, before its tasks are counted. */
export function newJob(id: string, submission: JobSubmission, clusters: readonly string[], now: number): JobRecord {
  return {
    id,
    name: submission.name,
    status: "OPEN",
    priority: submission.priority,
    traceParent: submission.traceParent,
    clusters,
    idempotencyKey: submission.idempotencyKey,
    bodyDigest: submission.bodyDigest,
    submittedAt: now,
    startedAt: null,
    endedAt: null,
    openGroups: submission.tasks.groups.length,
    counts: NO_COUNTS,
    progress: [],
    error: null,
    failedTaskId: null,
  };
}

/** The groups of one parent (of the job itself when `parentId` is null), none of whose tasks is done. */
export function newGroups(jobId: string, parentId: string | null, shapes: readonly GroupShape[]): GroupRecord[] {
  const dependents: number[][] = shapes.map(() => []);
  for (const [index, shape] of shapes.entries()) {
    for (const dependency of shape.dependsOn) dependents[dependency]?.push(index);
  }
  return shapes.map((shape, index) => ({
    id: groupId(parentId ?? jobId, index),
    jobId,
    parentId,
    index,
    dependents: dependents[index] ?? [],
    waiting: shape.dependsOn.length,
    open: shape.size,
    size: shape.size,
  }));
}

/** Where new tasks come from and what they inherit. */
export interface Origin {
  readonly job: JobRecord;
  readonly parent: TaskRecord | null;
  /** The optional branch that they are born into has failed already. */
  readonly branchFailed: boolean;
}

/** One task of a group. */
export function newTask(
  id: string,
  queueId: number,
  group: GroupRecord,
  spec: TaskSpec,
  template: ParsedTemplate,
  origin: Origin,
  now: number,
): TaskRecord {
  const { job, parent } = origin;
  const state = origin.branchFailed ? "SKIPPED" : group.waiting > 0 ? "BLOCKED" : "QUEUED";
  return {
    id,
    jobId: job.id,
    groupId: group.id,
    parentId: group.parentId,
    queueId,
    priority: template.priority ?? parent?.priority ?? job.priority,
    depth: parent === null ? 0 : parent.depth + 1,
    optional: template.optional,
    scopeId: parent === null ? null : parent.optional ? parent.id : parent.scopeId,
    retry: template.retry,
    attemptTimeoutMs: template.attemptTimeoutMs,
    createdAt: now,
    display: spec.display !== "" ? spec.display : template.display,
    state,
    held: state === "QUEUED" && isHalted(job),
    availableAt: 0,
    attempt: 0,
    failures: 0,
    crashes: 0,
    leaseToken: null,
    settledToken: null,
    sessionId: null,
    deadlineAt: null,
    openGroups: 0,
    branchFailed: false,
    startedAt: null,
    stoppedAt: null,
    error: null,
    progress: [],
  };
}
