import { CacheTable } from "./cache-values.ts";
import { PartTable } from "./parts.ts";
import type { Step } from "./step.ts";

/** Deletes up to `left` rows of one kind and returns how many it found; `left` or more: there may be others. */
type Deletion = (step: Step, jobId: string, left: number) => Promise<number>;

/** Tasks first: whoever still reports about one finds it and all it needs, or nothing. */
const DELETIONS: readonly Deletion[] = [
  deleteTasks,
  deleteGroups,
  (step, jobId, left) => new PartTable(step).deleteOf([jobId], left),
  deleteChanges,
  (step, jobId, left) => new CacheTable(step).deleteOf(jobId, left),
];

const ONLY_ID = { _id: 1 } as const;
/** Children first: the parent of a task that can still be listed must be there. */
const TREE_ORDER_DOWN = { parent: -1, group: -1, _id: -1 } as const;

/**
 * Deletes a bounded number of rows, some `limit`, of everything that belongs to a job, the job itself last. Returns whether nothing is left. The
 * rows of each kind are found by one read and go with all others in one write.
 */
export async function deleteJobSlice(step: Step, jobId: string, limit: number): Promise<boolean> {
  const { rows } = step;
  const [job] = await step.findByIds(rows.job, [jobId], { projection: { deleting: 1 } });
  if (job === undefined) return true;
  if (job.deleting !== true) step.update(rows.job, { _id: jobId }, { $set: { deleting: true }, $inc: { rev: 1 } });
  let left = limit;
  for (const deleteSome of DELETIONS) {
    left -= await deleteSome(step, jobId, left);
    if (left <= 0) return false;
  }
  step.deleteMany(rows.work, { job: jobId });
  step.deleteMany(rows.job_shard, { _id: below(jobId) });
  step.deleteByIds(rows.job, [jobId]);
  return true;
}

async function deleteTasks(step: Step, jobId: string, left: number): Promise<number> {
  const { rows } = step;
  const options = { sort: TREE_ORDER_DOWN, limit: left, projection: ONLY_ID };
  const ids = (await step.find(rows.task, { job: jobId }, options)).map((row) => row._id);
  const parts = await new PartTable(step).deleteOf(ids, left);
  // Parts are found by their tasks.
  if (parts === left) return left;
  step.deleteByIds(rows.task, ids);
  return ids.length + parts;
}

async function deleteGroups(step: Step, jobId: string, left: number): Promise<number> {
  const { rows } = step;
  const found = await step.find(rows.group, { job: jobId }, { limit: left, projection: { shards: 1 } });
  const shards = found.flatMap(({ _id, shards = [] }) => shards.map((slot) => `${_id}/${slot}`));
  step.deleteByIds(rows.group_shard, shards);
  step.deleteByIds(
    rows.group,
    found.map((row) => row._id),
  );
  return found.length;
}

async function deleteChanges(step: Step, jobId: string, left: number): Promise<number> {
  const { rows } = step;
  const found = await step.find(rows.change, { _id: below(jobId) }, { limit: left, projection: ONLY_ID });
  step.deleteByIds(
    rows.change,
    found.map((row) => row._id),
  );
  return found.length;
}

/** Ids that begin with the job's and a slash: "0" is the character after it. */
function below(jobId: string): { readonly $gt: string; readonly $lt: string } {
  return { $gt: `${jobId}/`, $lt: `${jobId}0` };
}
