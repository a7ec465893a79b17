import { median, shortCount } from "../figures.ts";
import type { Scenario } from "../harness/bench.ts";
import { countCosts, timeJob } from "../harness/measure.ts";
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
  for (const { length: full, warmUps, rounds } of sizes) {
    const length = bench.scaled(full);
    const run = { name: shortCount(length), task: () => new Chain({ length }) };
    await timeJob(bench, orchestrator, { ...run, warmUps, rounds: 0 });
    const costs = await countCosts([orchestrator]);
    const times = await timeJob(bench, orchestrator, { ...run, warmUps: 0, rounds });
    const name = `chain_${shortCount(length)}`;
    yield { name, value: median(times), unit: "ms" };
    yield { name: `${name}_step`, value: (1_000 * median(times)) / length, unit: "µs/task" };
    yield* await costs(name);
  }
  const peak = await orchestrator.peakRss();
  if (peak !== undefined) yield { name: "chain_peak_rss", value: peak / 2 ** 20, unit: "MiB", target: { atMost: 512 } };
};
