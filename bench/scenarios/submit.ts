import { median } from "../figures.ts";
import type { Bench, Scenario } from "../harness/bench.ts";
import { ELSEWHERE, submitBulk, submitSingles } from "../harness/bulk.ts";
import { countCommits } from "../harness/measure.ts";

const WINDOW = 1_000;

/** How fast submissions are stored when nothing else happens: jobs of one task and jobs of a thousand, over one submit stream. */
export const submit: Scenario = async function* (bench) {
  const orchestrator = await bench.startOrchestrator("submit");
  const { client } = orchestrator;
  await client.clusters.create({ slug: ELSEWHERE });
  const options = { cluster: ELSEWHERE };

  const singles = bench.quick ? 20_000 : 50_000;
  const rounds = bench.quick ? 3 : 7;
  const commits = await countCommits(orchestrator, "taskgrove_jobs_submitted_total");
  const single = await timeRounds(bench, "single", rounds, () => submitSingles(client, singles, options, WINDOW));
  const value = singles / (median(single) / 1_000);
  yield { name: "submit_single", value, unit: "submissions/s", target: { atLeast: 15_000 } };
  yield { name: "submit_single_commits", value: await commits(), unit: "commits/1k submissions" };

  const tasks = bench.quick ? 50_000 : 200_000;
  const bulk = await timeRounds(bench, "bulk", rounds, () => submitBulk(client, tasks, options));
  yield {
    name: "submit_bulk",
    value: tasks / (median(bulk) / 1_000),
    unit: "tasks/s",
    target: { atLeast: 50_000 },
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
