import type { Client, JobSubmission, SubmitOptions } from "taskgrove";
import { Noop, noops } from "../tasks.ts";

/** A cluster without runners. */
export const ELSEWHERE = "elsewhere";

const TASKS_PER_JOB = 1_000;
const BULK_WINDOW = 16;

/** How a submission of many jobs is told about. */
export type OnStored = (jobs: number) => void;

/** Submits many root tasks, a thousand in a job. Resolves when all are stored. */
export async function submitBulk(client: Client, tasks: number, options: SubmitOptions, say?: OnStored): Promise<void> {
  const batch = noops(TASKS_PER_JOB);
  const lots = Array.from({ length: Math.ceil(tasks / TASKS_PER_JOB) }, (_, index) =>
    batch.slice(0, tasks - index * TASKS_PER_JOB),
  );
  const jobs = lots.map((lot) => ({ name: "bulk", tasks: lot, options }));
  await submitAll(client, jobs, BULK_WINDOW, (stored) => say?.(Math.min(tasks, stored * TASKS_PER_JOB)));
}

/** Submits jobs of one task each, with as many in flight as `window` says. Resolves with their ids, in order of their answers, when all are stored. */
export async function submitSingles(
  client: Client,
  count: number,
  options: SubmitOptions,
  window: number,
): Promise<string[]> {
  const task = new Noop({ index: 0 });
  const jobs = Array.from({ length: count }, () => ({ name: "single", tasks: task, options }));
  return submitAll(client, jobs, window);
}

async function submitAll(
  client: Client,
  jobs: Iterable<JobSubmission>,
  window: number,
  onStored: OnStored = () => {},
): Promise<string[]> {
  const ids: string[] = [];
  for await (const result of client.jobs.submitMany(jobs, { window })) {
    if (!result.ok) throw result.error;
    ids.push(result.jobId);
    onStored(ids.length);
  }
  return ids;
}
