import { median, shortCount } from "../figures.ts";
import type { Scenario } from "../harness/bench.ts";
import { countCosts, timeJob } from "../harness/measure.ts";
import { FanOut } from "../tasks.ts";

const TARGET_TASKS_PER_SECOND = 20_000;

interface Size {
  readonly count: number;
  readonly rounds: number;
  readonly quickRounds: number;
  /** A thousand tasks are over before there is a flow. */
  readonly hasTarget: boolean;
}

const SIZES: readonly Size[] = [
  { count: 1_000, rounds: 20, quickRounds: 10, hasTarget: false },
  { count: 10_000, rounds: 7, quickRounds: 3, hasTarget: true },
  { count: 100_000, rounds: 3, quickRounds: 1, hasTarget: true },
];

/** One task that submits many which do nothing: tasks/s from the submission of the job until it is completed. */
export const fanOut: Scenario = async function* (bench) {
  const orchestrator = await bench.startOrchestrator("fan-out");
  const runners = await bench.startRunners();
  await runners.connect(orchestrator);
  const warm = bench.scaled(10_000);
  await timeJob(bench, orchestrator, {
    name: shortCount(warm),
    task: () => new FanOut({ count: warm }),
    warmUps: 2,
    rounds: 0,
  });
  for (const { count: full, rounds, quickRounds, hasTarget } of SIZES) {
    const count = bench.scaled(full);
    const costs = await countCosts([orchestrator]);
    const times = await timeJob(bench, orchestrator, {
      name: shortCount(count),
      task: () => new FanOut({ count }),
      warmUps: 0,
      rounds: bench.quick ? quickRounds : rounds,
    });
    const value = (count + 1) / (median(times) / 1_000);
    const target = hasTarget ? bench.speedTarget({ atLeast: TARGET_TASKS_PER_SECOND }) : {};
    yield { name: `fan_out_${shortCount(count)}`, value, unit: "tasks/s", ...target };
    yield* await costs(`fan_out_${shortCount(count)}`);
  }
  const peak = await orchestrator.peakRss();
  if (peak !== undefined)
    yield { name: "fan_out_peak_rss", value: peak / 2 ** 20, unit: "MiB", target: { atMost: 512 } };
};
