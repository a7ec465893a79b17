import { median } from "../figures.ts";
import type { Bench, Scenario } from "../harness/bench.ts";
import { ELSEWHERE, submitBulk, submitSingles } from "../harness/bulk.ts";
import { countCosts } from "../harness/measure.ts";

const WINDOW = 1_000;
const PER_SUBMISSION = { counter: "taskgrove_jobs_submitted_total", unit: "submissions" };

/** How fast submissions are stored when nothing else happens: jobs of one task and jobs of a thousand, over one submit stream. */
export const submit: Scenario = async function* (bench) {
  const orchestrator = await bench.startOrchestrator("submit");
  const { client } = orchestrator;
  await client.clusters.create({ slug: ELSEWHERE });
  const options = { cluster: ELSEWHERE };

  const singles = bench.scaled(bench.quick ? 20_000 : 50_000);
  const rounds = bench.quick ? 3 : 7;
  const costs = await countCosts([orchestrator], PER_SUBMISSION);
  const single = await timeRounds(bench, "single", rounds, () => submitSingles(client, singles, options, WINDOW));
  const value = singles / (median(single) / 1_000);
  yield { name: "submit_single", value, unit: "submissions/s", ...bench.speedTarget({ atLeast: 15_000 }) };
  yield* await costs("submit_single");

  const tasks = bench.scaled(bench.quick ? 50_000 : 200_000);
  const bulk = await timeRounds(bench, "bulk", rounds, () => submitBulk(client, tasks, options));
  yield {
    name: "submit_bulk",
    value: tasks / (median(bulk) / 1_000),
    unit: "tasks/s",
    ...bench.speedTarget({ atLeast: 50_000 }),
  };
};

/** The first round warms up and does not count. */
async function timeRounds(bench: Bench, name: string, rounds: number, act: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    bench.say(round === 0 ? `${name}: warming up` : `${name}: round ${round} of ${rounds}`);
    const startMs = performance.now();
    await act();
    times.push(performance.now() - startMs);
  }
  return times.slice(1);
}
