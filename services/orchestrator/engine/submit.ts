import { newJob } from "../domain/create.ts";
import type { JobRecord } from "../domain/records.ts";
import { accept, type Result, reject } from "../domain/rejection.ts";
import type { JobSubmission } from "../domain/submission.ts";
import { type ParsedTaskSet, shapesOf } from "../domain/validate.ts";
import type { SubmittedJob } from "./api.ts";
import type { BatchContext } from "./batch-context.ts";
import { DEFAULT_CLUSTER, insertGroups, insertTasks, queueKeys, resolveQueues, sizeOf } from "./create-tasks.ts";
import { stagePart } from "./parts.ts";
import type { DoneTasks } from "./propagate.ts";

/** A submission whose fields have been checked. */
export interface PreparedSubmission {
  readonly submission: JobSubmission;
  readonly tasks: ParsedTaskSet;
}

/** Jobs of this batch and before it, by idempotency key. */
export type JobsByKey = Map<string, JobRecord>;

/** Loads the jobs that earlier submissions with the same keys have made. */
export async function loadJobsByKey(
  context: BatchContext,
  submissions: readonly PreparedSubmission[],
): Promise<JobsByKey> {
  const keys = submissions.flatMap(({ submission }) => submission.idempotencyKey ?? []);
  const byKey: JobsByKey = new Map();
  if (keys.length === 0) return byKey;
  for (const job of await context.uow.tx.loadJobsByIdempotencyKey([...new Set(keys)])) {
    if (job.idempotencyKey !== null) byKey.set(job.idempotencyKey, context.uow.adoptJob(job));
  }
  return byKey;
}

/** Creates a job with its root tasks, or returns the one that the same key made before. */
export async function submitJob(
  context: BatchContext,
  prepared: PreparedSubmission,
  byKey: JobsByKey,
  done: DoneTasks,
): Promise<Result<SubmittedJob>> {
  const { submission, tasks } = prepared;
  const { uow } = context;
  const earlier = submission.idempotencyKey === null ? undefined : byKey.get(submission.idempotencyKey);
  if (earlier !== undefined) return repeated(submission, earlier);
  const queueIds = await resolveQueues(context, tasks.templates, DEFAULT_CLUSTER, "tasks");
  if (!queueIds.ok) return queueIds;
  const clusters = [...new Set(queueKeys(tasks.templates, DEFAULT_CLUSTER).map((key) => key.cluster))];
  const job = newJob(context.ids.next(), submission, clusters, uow.now);
  uow.insertJob(job);
  if (submission.idempotencyKey !== null) byKey.set(submission.idempotencyKey, job);
  const origin = { job, parent: null, branchFailed: false };
  insertGroups(context, origin, shapesOf(tasks));
  const size = sizeOf(tasks);
  if (size <= context.settings.sliceSize) {
    await insertTasks(context, origin, tasks, queueIds.value, { from: 0, count: size, lastId: null }, done);
  } else {
    await uow.putParts([stagePart(job.id, ROOT_PARTS, 0, tasks)]);
    uow.addWork("unpack", job.id, job.id);
  }
  return accept({ job, alreadyExisted: false });
}

/** Root tasks have no lease; their parts are staged under this. */
export const ROOT_PARTS = "";

function repeated(submission: JobSubmission, earlier: JobRecord): Result<SubmittedJob> {
  if (earlier.bodyDigest === submission.bodyDigest) return accept({ job: earlier, alreadyExisted: true });
  return reject("IDEMPOTENCY_CONFLICT", `idempotency_key was used for job ${earlier.id} with another body`);
}
