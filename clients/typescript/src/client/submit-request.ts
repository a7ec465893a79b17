import { randomUUID } from "node:crypto";
import type { SubmitJobRequest } from "../gen/taskgrove/v1/job_service.ts";
import { RootTasks } from "../submission/root-tasks.ts";
import { Submission } from "../submission/submission.ts";
import type { SubmitOptions, Submittable } from "./options.ts";

/**
 * The request that submits a job; a promise only when a schema is asynchronous.
 *
 * @throws InvalidInputError when an input cannot be serialised or a schema refuses it.
 * @throws TypeError for an option out of range.
 */
export function createSubmitRequest(
  name: string,
  tasks: Submittable,
  options: SubmitOptions,
): SubmitJobRequest | Promise<SubmitJobRequest> {
  const submission = createSubmission(tasks, options);
  const request: SubmitJobRequest = {
    name,
    tasks: submission.toMessage(),
    idempotencyKey: options.idempotencyKey || newIdempotencyKey(),
    priority: options.priority ?? 0,
    traceParent: options.traceParent ?? "",
  };
  return submission.validation?.then(() => request) ?? request;
}

function createSubmission(tasks: Submittable, options: SubmitOptions): Submission {
  // The priority goes into the job, whose tasks inherit it.
  const { idempotencyKey: _key, traceParent: _trace, priority: _priority, ...defaults } = options;
  if (tasks instanceof RootTasks) return tasks.toSubmission(defaults);
  const submission = new Submission(defaults);
  for (const task of Array.isArray(tasks) ? tasks : [tasks]) submission.add(task);
  return submission;
}

/** The time comes first: keys that grow keep together in the store's index, while random ones would cost a third of the submissions per second. */
function newIdempotencyKey(): string {
  return `${Date.now().toString(36)}-${randomUUID()}`;
}
