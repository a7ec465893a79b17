import { median, shortCount } from "../figures.ts";
import type { Scenario } from "../harness/bench.ts";
import { submitSingles } from "../harness/bulk.ts";
import { countCommits } from "../harness/measure.ts";
import type { Orchestrator } from "../harness/orchestrator.ts";
import { until } from "../harness/until.ts";

const SETTLED = "taskgrove_tasks_settled_total";
const WINDOW = 1_000;

/** Jobs of one task each, submitted while runners compute them: tasks/s from the first submission until the last task is computed. */
export const singleJobs: Scenario = async function* (bench) {
  const orchestrator = await bench.startOrchestrator("single-jobs");
  const runners = await bench.startRunners();
  await runners.connect(orchestrator);
  const count = bench.quick ? 10_000 : 30_000;
  bench.say("warming up");
  await timeJobs(orchestrator, count);
  const commits = await countCommits(orchestrator, SETTLED);
  const times: number[] = [];
  const rounds = bench.quick ? 3 : 5;
  for (let round = 1; round <= rounds; round++) {
    bench.say(`${shortCount(count)} jobs: round ${round} of ${rounds}`);
    times.push(await timeJobs(orchestrator, count));
  }
  yield { name: "single_jobs", value: count / (median(times) / 1_000), unit: "tasks/s" };
  yield { name: "single_jobs_commits", value: await commits(), unit: "commits/1k tasks" };
};

async function timeJobs(orchestrator: Orchestrator, count: number): Promise<number> {
  const { client } = orchestrator;
  const settled = async () => (await orchestrator.metrics()).get(SETTLED) ?? 0;
  const before = await settled();
  const startMs = performance.now();
  const ids = await submitSingles(client, count, {}, WINDOW);
  // The oldest job comes first, so the last one is done at the end, save for what else the runners hold at that moment.
  await client.jobs.wait(ids.at(-1) ?? "");
  await until("all tasks are computed", async () => (await settled()) - before >= count);
  return performance.now() - startMs;
}
