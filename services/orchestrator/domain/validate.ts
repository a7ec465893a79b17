import type { Limits } from "./limits.ts";
import type { Progress, RetryPolicy, TaskIdentifier } from "./records.ts";
import { accept, type Rejection, type Result, reject } from "./rejection.ts";
import type { GroupSpec, JobSubmission, TaskSet, TaskTemplate } from "./submission.ts";
import { characters, parseIdentifier } from "./version.ts";

/** A template that has passed all checks. */
export interface ParsedTemplate extends Omit<TaskTemplate, "name" | "version"> {
  readonly identifier: TaskIdentifier;
}

/** A task set whose fields have passed all checks; its edges are checked by `checkEdges` when all parts are known. */
export interface ParsedTaskSet {
  readonly templates: readonly ParsedTemplate[];
  readonly groups: readonly GroupSpec[];
  readonly firstGroup: number;
}

/** What decides about dependencies: for each group its size and what it waits for. */
export interface GroupShape {
  readonly size: number;
  readonly dependsOn: readonly number[];
}

/** Checks a job as it was sent, all but what needs the store (clusters, idempotency). */
export function parseJob(job: JobSubmission, limits: Limits): Result<ParsedTaskSet> {
  const refusal =
    checkText("name", job.name, limits.maxNameLength, true) ??
    checkText("idempotency_key", job.idempotencyKey ?? "", limits.maxIdempotencyKeyLength, false) ??
    checkText("trace_parent", job.traceParent, limits.maxNameLength, false);
  if (refusal !== null) return { ok: false, rejection: refusal };
  if (job.tasks.groups.length === 0) return reject("INVALID_ARGUMENT", "tasks.groups must hold at least one group");
  if (job.tasks.firstGroup !== 0) return reject("INVALID_ARGUMENT", "tasks.first_group must be 0");
  const parsed = parseTaskSet(job.tasks, limits, "tasks");
  if (!parsed.ok) return parsed;
  const edges = checkEdges(shapesOf(job.tasks), "tasks");
  return edges === null ? parsed : { ok: false, rejection: edges };
}

/** Checks the fields of a task set: templates, sizes, references to templates. `field` names it in refusals. */
export function parseTaskSet(set: TaskSet, limits: Limits, field: string): Result<ParsedTaskSet> {
  const templates: ParsedTemplate[] = [];
  for (const [index, template] of set.templates.entries()) {
    const parsed = parseTemplate(template, limits, `${field}.templates[${index}]`);
    if (!parsed.ok) return parsed;
    templates.push(parsed.value);
  }
  let count = 0;
  for (const [index, group] of set.groups.entries()) {
    const refusal = checkGroup(group, templates.length, limits, `${field}.groups[${index}]`);
    if (refusal !== null) return { ok: false, rejection: refusal };
    count += group.tasks.length;
  }
  if (count > limits.maxSubtasksPerFrame) {
    return reject(
      "LIMIT_EXCEEDED",
      `${field} holds ${count} tasks, more than max_subtasks_per_frame (${limits.maxSubtasksPerFrame}); send subtasks in parts`,
    );
  }
  return accept({ templates, groups: set.groups, firstGroup: set.firstGroup });
}

/** The shapes of a set that comes in one piece. */
export function shapesOf(set: { readonly groups: readonly GroupSpec[] }): GroupShape[] {
  return set.groups.map((group) => ({ size: group.tasks.length, dependsOn: group.dependsOn }));
}

/** Refuses edges that are out of range, repeated, or cyclic. Linear in groups and edges. */
export function checkEdges(shapes: readonly GroupShape[], field: string): Rejection | null {
  const waiting = new Int32Array(shapes.length);
  const dependents: number[][] = shapes.map(() => []);
  for (const [index, shape] of shapes.entries()) {
    const seen = new Set<number>();
    for (const dependency of shape.dependsOn) {
      const path = `${field}.groups[${index}].depends_on`;
      const target = dependents[dependency];
      if (target === undefined) {
        return {
          reason: "INVALID_DEPENDENCY",
          message: `${path} names group ${dependency}, but there are only ${shapes.length} groups`,
        };
      }
      if (dependency === index) return { reason: "CYCLIC_DEPENDENCIES", message: `${path} names its own group` };
      if (seen.has(dependency)) {
        return { reason: "INVALID_DEPENDENCY", message: `${path} names group ${dependency} twice` };
      }
      seen.add(dependency);
      target.push(index);
    }
    waiting[index] = shape.dependsOn.length;
  }
  const free = [...waiting.keys()].filter((index) => waiting[index] === 0);
  let closed = 0;
  for (let next = free.pop(); next !== undefined; next = free.pop()) {
    closed++;
    for (const dependent of dependents[next] ?? []) {
      const left = (waiting[dependent] ?? 0) - 1;
      waiting[dependent] = left;
      if (left === 0) free.push(dependent);
    }
  }
  if (closed === shapes.length) return null;
  const stuck = [...waiting.keys()].find((index) => (waiting[index] ?? 0) > 0);
  return {
    reason: "CYCLIC_DEPENDENCIES",
    message: `${field}.groups have a cycle of dependencies through group ${stuck ?? "unknown"}`,
  };
}

/** Checks the progress of one task. */
export function checkProgress(progress: readonly Progress[], limits: Limits): Rejection | null {
  if (progress.length > limits.maxProgressLabels) {
    return limitExceeded("progress", `${progress.length} labels`, "max_progress_labels", limits.maxProgressLabels);
  }
  const labels = new Set<string>();
  for (const [index, bar] of progress.entries()) {
    const refusal = checkText(`progress[${index}].label`, bar.label, limits.maxProgressLabelLength, false);
    if (refusal !== null) return refusal;
    if (labels.has(bar.label)) return invalid(`progress[${index}].label is there twice`);
    labels.add(bar.label);
    if (!isCount(bar.total) || !isCount(bar.done)) {
      return invalid(`progress[${index}] must have whole, non-negative numbers`);
    }
  }
  return null;
}

/** Refuses a text that is too long, or empty where it must not be. */
export function checkText(field: string, text: string, maxLength: number, required: boolean): Rejection | null {
  if (required && text.length === 0) return invalid(`${field} must not be empty`);
  // A text of n UTF-16 units has at most n characters: only the long ones are counted.
  if (text.length > maxLength && characters(text) > maxLength) {
    return limitExceeded(field, "more characters", "the limit", maxLength);
  }
  return null;
}

function parseTemplate(template: TaskTemplate, limits: Limits, field: string): Result<ParsedTemplate> {
  const identifier = parseIdentifier(template, limits.maxNameLength, `${field}.identifier`);
  if (!identifier.ok) return identifier;
  const refusal =
    checkText(`${field}.display`, template.display, limits.maxDisplayLength, false) ??
    checkText(`${field}.cluster`, template.cluster, limits.maxNameLength, false) ??
    checkRetry(template.retry, limits, `${field}.retry`) ??
    checkTimeout(template.attemptTimeoutMs, `${field}.attempt_timeout`) ??
    checkPriority(template.priority, `${field}.priority`);
  if (refusal !== null) return { ok: false, rejection: refusal };
  const { name: _name, version: _version, ...rest } = template;
  return accept({ ...rest, identifier: identifier.value });
}

function checkGroup(group: GroupSpec, templates: number, limits: Limits, field: string): Rejection | null {
  if (group.tasks.length === 0) return invalid(`${field}.tasks must hold at least one task`);
  for (let index = 0; index < group.tasks.length; index++) {
    const task = group.tasks[index];
    if (task === undefined) continue;
    if (task.template >= templates || task.template < 0) {
      return invalid(
        `${field}.tasks[${index}].template is ${task.template}, but there are only ${templates} templates`,
      );
    }
    if (task.input.length > limits.maxInputBytes) {
      const path = `${field}.tasks[${index}].input`;
      return limitExceeded(path, `${task.input.length} bytes`, "max_input_bytes", limits.maxInputBytes);
    }
    if (task.display.length > limits.maxDisplayLength) {
      const refusal = checkText(`${field}.tasks[${index}].display`, task.display, limits.maxDisplayLength, false);
      if (refusal !== null) return refusal;
    }
  }
  return null;
}

function checkRetry(retry: RetryPolicy, limits: Limits, field: string): Rejection | null {
  if (!isCount(retry.maxRetries)) return invalid(`${field}.max_retries must be a whole number that is not negative`);
  if (retry.maxRetries > limits.maxRetries) {
    return limitExceeded(`${field}.max_retries`, String(retry.maxRetries), "the limit", limits.maxRetries);
  }
  if (!(retry.initialBackoffMs >= 0)) return invalid(`${field}.initial_backoff must not be negative`);
  if (!(retry.maxBackoffMs >= 0)) return invalid(`${field}.max_backoff must not be negative`);
  if (!(retry.multiplier >= 1) || !Number.isFinite(retry.multiplier)) {
    return invalid(`${field}.multiplier must be at least 1`);
  }
  if (!(retry.jitter >= 0 && retry.jitter <= 1)) return invalid(`${field}.jitter must be from 0 to 1`);
  return null;
}

function checkTimeout(timeoutMs: number | null, field: string): Rejection | null {
  return timeoutMs === null || timeoutMs > 0 ? null : invalid(`${field} must be longer than zero`);
}

function checkPriority(priority: number | null, field: string): Rejection | null {
  return priority === null || Number.isInteger(priority) ? null : invalid(`${field} must be a whole number`);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function invalid(message: string): Rejection {
  return { reason: "INVALID_ARGUMENT", message };
}

function limitExceeded(field: string, found: string, limit: string, value: number): Rejection {
  return { reason: "LIMIT_EXCEEDED", message: `${field} has ${found}; ${limit} is ${value}` };
}
