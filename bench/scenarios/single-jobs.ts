import { median, shortCount } from "../figures.ts";
import type { Scenario } from "../harness/bench.ts";
import { timeSingles } from "../harness/bulk.ts";
import { countCosts } from "../harness/measure.ts";

const WINDOW = 1_000;

/** Jobs of one task each, submitted while runners compute them: tasks/s from the first submission until the last task is computed. */
export const singleJobs: Scenario = async function* (bench) {
  const orchestrators = [await bench.startOrchestrator("single-jobs")];
  const runners = await bench.startRunners();
  await runners.connect(...orchestrators);
  const count = bench.scaled(bench.quick ? 10_000 : 30_000);
  bench.say("warming up");
  await timeSingles(orchestrators, count, WINDOW);
  const costs = await countCosts(orchestrators);
  const times: number[] = [];
  const rounds = bench.quick ? 3 : 5;
  for (let round = 1; round <= rounds; round++) {
    bench.say(`${shortCount(count)} jobs: round ${round} of ${rounds}`);
    times.push(await timeSingles(orchestrators, count, WINDOW));
  }
  yield { name: "single_jobs", value: count / (median(times) / 1_000), unit: "tasks/s" };
  yield* await costs("single_jobs");
};
