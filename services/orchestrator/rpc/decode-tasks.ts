import { createHash } from "node:crypto";
import type { RetryPolicy, TaskFailure } from "../domain/records.ts";
import { accept, type Result, reject } from "../domain/rejection.ts";
import type { JobSubmission, TaskSet, TaskTemplate } from "../domain/submission.ts";
import type { LeaseRef, Outcome, SubtaskPart } from "../engine/api.ts";
import { SubmitJobRequest } from "../gen/taskgrove/v1/job_service.ts";
import type { Lease, Outcome as ProtoOutcome, SubtaskPart as ProtoSubtaskPart } from "../gen/taskgrove/v1/lease.ts";
import type {
  RetryPolicy as ProtoRetryPolicy,
  TaskTemplate as ProtoTaskTemplate,
  TaskError,
  TaskSubmissions,
} from "../gen/taskgrove/v1/task.ts";
import { decodeDuration } from "./durations.ts";

/** What RetryPolicy says about fields that are not set. */
const NO_RETRIES: RetryPolicy = {
  maxRetries: 0,
  initialBackoffMs: 0,
  multiplier: 2,
  maxBackoffMs: 3_600_000,
  jitter: 0,
};

const COMPUTED_WITHOUT_SUBTASKS: Outcome["result"] = { kind: "computed", subtasks: null, parts: 0 };
const RELEASED: Outcome["result"] = { kind: "released" };

/** Reads a job as it was submitted. What the domain checks (names, limits, versions, edges) is left to it. */
export function decodeSubmission(request: SubmitJobRequest): Result<JobSubmission> {
  if (request.tasks === undefined) return reject("INVALID_ARGUMENT", "tasks is missing");
  const tasks = decodeTaskSet(request.tasks, "tasks");
  if (!tasks.ok) return tasks;
  const keyed = request.idempotencyKey !== "";
  return accept({
    name: request.name,
    tasks: tasks.value,
    idempotencyKey: keyed ? request.idempotencyKey : null,
    bodyDigest: keyed ? digestBody(request) : null,
    priority: request.priority,
    traceParent: request.traceParent,
  });
}

/** Reads a set of tasks. Groups and their tasks have the shape that the domain wants already and are not copied. */
export function decodeTaskSet(set: TaskSubmissions, field: string): Result<TaskSet> {
  const templates: TaskTemplate[] = [];
  for (let index = 0; index < set.templates.length; index++) {
    const template = decodeTemplate(set.templates[index] as ProtoTaskTemplate, `${field}.templates[${index}]`);
    if (!template.ok) return template;
    templates.push(template.value);
  }
  return accept({ templates, groups: set.groups, firstGroup: set.firstGroup });
}

/** Reads the end of an attempt. */
export function decodeOutcome(outcome: ProtoOutcome): Result<Outcome> {
  const result = decodeOutcomeResult(outcome);
  if (!result.ok) return result;
  return accept({
    taskId: outcome.taskId,
    leaseToken: outcome.leaseToken,
    result: result.value,
    progress: outcome.progress,
    display: outcome.display,
  });
}

/** Reads subtasks that come ahead of their outcome. */
export function decodePart(part: ProtoSubtaskPart): Result<SubtaskPart> {
  if (part.subtasks === undefined) return reject("INVALID_ARGUMENT", "subtasks is missing");
  const subtasks = decodeTaskSet(part.subtasks, "subtasks");
  if (!subtasks.ok) return subtasks;
  return accept({
    taskId: part.taskId,
    leaseToken: part.leaseToken,
    number: part.number,
    subtasks: subtasks.value,
  });
}

/** Reads leases, field by field, so that nothing else of a message is kept alive. */
export function decodeLeases(leases: readonly Lease[]): LeaseRef[] {
  return leases.map(({ taskId, leaseToken }) => ({ taskId, leaseToken }));
}

function decodeOutcomeResult(outcome: ProtoOutcome): Result<Outcome["result"]> {
  const result = outcome.result;
  switch (result?.$case) {
    case undefined:
      return reject("INVALID_ARGUMENT", "result is missing: one of computed, failed and released must be set");
    case "released":
      return accept(RELEASED);
    case "failed":
      return accept({
        kind: "failed",
        error: decodeError(result.value.error),
        nonRetryable: result.value.nonRetryable,
      });
    case "computed": {
      const { subtasks, parts } = result.value;
      if (subtasks === undefined) {
        return accept(parts === 0 ? COMPUTED_WITHOUT_SUBTASKS : { kind: "computed", subtasks: null, parts });
      }
      const decoded = decodeTaskSet(subtasks, "subtasks");
      return decoded.ok ? accept({ kind: "computed", subtasks: decoded.value, parts }) : decoded;
    }
  }
}

function decodeError(error: TaskError | undefined): TaskFailure {
  // An attempt must be able to fail, so that a missing error is not a reason to refuse it.
  return error ?? { reason: "UNKNOWN", message: "", details: "" };
}

function decodeTemplate(template: ProtoTaskTemplate, field: string): Result<TaskTemplate> {
  if (template.identifier === undefined) return reject("INVALID_ARGUMENT", `${field}.identifier is missing`);
  const retry = decodeRetry(template.retry, `${field}.retry`);
  if (!retry.ok) return retry;
  const attemptTimeout =
    template.attemptTimeout === undefined
      ? accept(null)
      : decodeDuration(template.attemptTimeout, `${field}.attempt_timeout`);
  if (!attemptTimeout.ok) return attemptTimeout;
  return accept({
    name: template.identifier.name,
    version: template.identifier.version,
    cluster: template.cluster,
    retry: retry.value,
    optional: template.optional,
    priority: template.priority ?? null,
    attemptTimeoutMs: attemptTimeout.value,
    display: template.display,
  });
}

function decodeRetry(retry: ProtoRetryPolicy | undefined, field: string): Result<RetryPolicy> {
  if (retry === undefined) return accept(NO_RETRIES);
  const initial = decodeOptionalDuration(retry.initialBackoff, NO_RETRIES.initialBackoffMs, `${field}.initial_backoff`);
  if (!initial.ok) return initial;
  const max = decodeOptionalDuration(retry.maxBackoff, NO_RETRIES.maxBackoffMs, `${field}.max_backoff`);
  if (!max.ok) return max;
  return accept({
    maxRetries: retry.maxRetries,
    initialBackoffMs: initial.value,
    multiplier: retry.multiplier === 0 ? NO_RETRIES.multiplier : retry.multiplier,
    maxBackoffMs: max.value,
    jitter: retry.jitter,
  });
}

function decodeOptionalDuration(
  duration: Parameters<typeof decodeDuration>[0] | undefined,
  unset: number,
  field: string,
): Result<number> {
  return duration === undefined ? accept(unset) : decodeDuration(duration, field);
}

/** Encoding what was decoded gives the same bytes for the same content, whatever the order of fields on the wire. */
function digestBody(request: SubmitJobRequest): string {
  const body = SubmitJobRequest.encode({ ...request, idempotencyKey: "" }).finish();
  return createHash("sha256").update(body).digest("base64url");
}
