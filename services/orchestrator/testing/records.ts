import {
  type ClusterRecord,
  type GroupRecord,
  groupId,
  type JobRecord,
  NO_COUNTS,
  type SessionRecord,
  type TaskRecord,
  type TaskState,
} from "../domain/records.ts";

/**
 * Records built by exception: a test names what it is about and the rest is filled in so that it fits. Ids ascend in the order in which they are
 * made, as those of the engine do.
 */

/** The time at which records are made, in milliseconds since the epoch. */
export const SOME_TIME = Date.UTC(2026, 0, 1);

let ids = 0;

/** A new id, above all earlier ones. */
export function anId(prefix = "id"): string {
  ids++;
  return `${prefix}-${String(ids).padStart(9, "0")}`;
}

export function aJob(values: Partial<JobRecord> = {}): JobRecord {
  const isOpen = values.status === undefined || values.status === "OPEN";
  return {
    id: anId("job"),
    name: "some job",
    status: "OPEN",
    priority: 0,
    traceParent: "",
    clusters: ["default"],
    idempotencyKey: null,
    bodyDigest: null,
    submittedAt: SOME_TIME,
    startedAt: null,
    endedAt: isOpen ? null : SOME_TIME,
    openGroups: 0,
    counts: NO_COUNTS,
    progress: [],
    error: null,
    failedTaskId: null,
    ...values,
  };
}

/** A group of root tasks unless it is given a parent. */
export function aGroup(values: Partial<GroupRecord> & { readonly jobId: string }): GroupRecord {
  const parentId = values.parentId ?? null;
  const index = values.index ?? 0;
  return {
    id: groupId(parentId ?? values.jobId, index),
    parentId,
    index,
    dependents: [],
    waiting: 0,
    open: 1,
    size: 1,
    ...values,
  };
}

/** A queued root task of the job's first group, unless told otherwise; what belongs to another state comes with the state. */
export function aTask(values: Partial<TaskRecord> & { readonly jobId: string; readonly index?: number }): TaskRecord {
  const { index = 0, ...fields } = values;
  const parentId = fields.parentId ?? null;
  return {
    id: anId("task"),
    groupId: groupId(parentId ?? fields.jobId, index),
    parentId,
    queueId: 1,
    priority: 0,
    depth: parentId === null ? 0 : 1,
    optional: false,
    scopeId: null,
    retry: { maxRetries: 0, initialBackoffMs: 0, multiplier: 2, maxBackoffMs: 3_600_000, jitter: 0 },
    attemptTimeoutMs: null,
    createdAt: SOME_TIME,
    display: "",
    held: false,
    availableAt: 0,
    openGroups: 0,
    branchFailed: false,
    progress: [],
    ...attemptOf(fields.state ?? "QUEUED"),
    ...fields,
  };
}

export function aSession(values: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: anId("session"),
    runnerName: "some runner",
    cluster: "default",
    identifiers: [{ name: "some/Task", major: 1, minor: 0 }],
    epoch: 1,
    connectedAt: SOME_TIME,
    expiresAt: SOME_TIME + 60_000,
    ...values,
  };
}

export function aCluster(values: Partial<ClusterRecord> = {}): ClusterRecord {
  return {
    slug: anId("cluster"),
    displayName: "some cluster",
    description: "",
    createdAt: SOME_TIME,
    ...values,
  };
}

type AttemptFields = Pick<
  TaskRecord,
  | "state"
  | "attempt"
  | "failures"
  | "crashes"
  | "leaseToken"
  | "settledToken"
  | "sessionId"
  | "deadlineAt"
  | "startedAt"
  | "stoppedAt"
  | "error"
>;

const NOT_STARTED: Omit<AttemptFields, "state"> = {
  attempt: 0,
  failures: 0,
  crashes: 0,
  leaseToken: null,
  settledToken: null,
  sessionId: null,
  deadlineAt: null,
  startedAt: null,
  stoppedAt: null,
  error: null,
};

function attemptOf(state: TaskState): AttemptFields {
  if (state === "BLOCKED" || state === "QUEUED" || state === "SKIPPED") return { state, ...NOT_STARTED };
  const started = { ...NOT_STARTED, state, attempt: 1, startedAt: SOME_TIME };
  if (state === "RUNNING") return { ...started, leaseToken: anId("token"), sessionId: anId("session") };
  const ended = { ...started, settledToken: anId("token"), stoppedAt: SOME_TIME + 1 };
  if (state === "COMPUTED" || state === "COMPLETED") return ended;
  return { ...ended, failures: 1, error: { reason: "SOME_REASON", message: "it failed", details: "" } };
}
