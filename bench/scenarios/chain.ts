import { median, shortCount } from "../figures.ts";
import type { Scenario } from "../harness/bench.ts";
import { timeJob } from "../harness/measure.ts";
import { Chain } from "../tasks.ts";

interface Size {
  readonly length: number;
  readonly warmUps: number;
  readonly rounds: number;
}

const SIZES: readonly Size[] = [
  { length: 1_000, warmUps: 2, rounds: 9 },
  { length: 10_000, warmUps: 0, rounds: 3 },
];
/** Long ones take as many times longer. */
const QUICK_SIZES: readonly Size[] = [{ length: 1_000, warmUps: 1, rounds: 3 }];

/** Subtasks each of which depends on the one before: nothing can be done in batches, so that this is the time of one step. */
export const chain: Scenario = async function* (bench) {
  const orchestrator = await bench.startOrchestrator("chain");
  const runners = await bench.startRunners();
  await runners.connect(orchestrator);
  const sizes = bench.quick ? QUICK_SIZES : SIZES;
  for (const { length, warmUps, rounds } of sizes) {
    const times = await timeJob(bench, orchestrator, {
      name: shortCount(length),
      task: () => new Chain({ length }),
      warmUps,
      rounds,
    });
    yield { name: `chain_${shortCount(length)}`, value: median(times), unit: "ms" };
    yield { name: `chain_${shortCount(length)}_step`, value: (1_000 * median(times)) / length, unit: "µs/task" };
  }
  const peak = await orchestrator.peakRss();
  if (peak !== undefined) yield { name: "chain_peak_rss", value: peak / 2 ** 20, unit: "MiB", target: { atMost: 512 } };
};
