import type { Client, JobSubmission, SubmitOptions } from "taskgrove";
import { Noop, noops } from "../tasks.ts";
import type { Orchestrator } from "./orchestrator.ts";
import { until } from "./until.ts";

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

const SETTLED = "taskgrove_tasks_settled_total";

/**
 * Submits jobs of one task, evenly through all of these orchestrators of one database, while their runners compute them. Returns the time from the
 * first submission until the last task is computed, in milliseconds.
 */
export async function timeSingles(
  orchestrators: readonly Orchestrator[],
  count: number,
  window: number,
): Promise<number> {
  const settled = async () => {
    const all = await Promise.all(orchestrators.map((orchestrator) => orchestrator.metrics()));
    return all.reduce((sum, metrics) => sum + (metrics.get(SETTLED) ?? 0), 0);
  };
  const before = await settled();
  const startMs = performance.now();
  const share = Math.ceil(count / orchestrators.length);
  await Promise.all(
    orchestrators.map(async ({ client }, index) => {
      const own = Math.min(share, count - index * share);
      const ids = await submitSingles(client, own, {}, Math.ceil(window / orchestrators.length));
      // The oldest job comes first, so the last one is done at the end, save for what else the runners hold at that moment.
      await client.jobs.wait(ids.at(-1) ?? "");
    }),
  );
  await until("all tasks are computed", async () => (await settled()) - before >= count);
  return performance.now() - startMs;
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
