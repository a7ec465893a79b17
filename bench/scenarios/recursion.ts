import { median } from "../figures.ts";
import type { Scenario } from "../harness/bench.ts";
import { timeJob } from "../harness/measure.ts";
import { Split } from "../tasks.ts";

/** 2^10 - 1 = 1,023 tasks. */
const LEVELS = 10;
/** 2^16 - 1 = 65,535 tasks. */
const DEEP_LEVELS = 16;

/**
 * Binary trees: each task submits two until there are 1,023; then the same with a task at each of the 511 that split which depends on both
 * halves, and a deep one.
 */
export const recursion: Scenario = async function* (bench) {
  const orchestrator = await bench.startOrchestrator("recursion");
  const runners = await bench.startRunners();
  await runners.connect(orchestrator);
  const rounds = bench.quick ? 15 : 50;
  const plain = await timeJob(bench, orchestrator, {
    name: "1,023 tasks",
    task: () => new Split({ levels: LEVELS, join: false }),
    warmUps: 15,
    rounds,
  });
  yield { name: "recursion_1023", value: median(plain), unit: "ms" };
  const joined = await timeJob(bench, orchestrator, {
    name: "1,023 tasks and 511 joins",
    task: () => new Split({ levels: LEVELS, join: true }),
    warmUps: 5,
    rounds,
  });
  yield { name: "recursion_1023_joins", value: median(joined), unit: "ms", target: { atMost: 80 } };
  const deep = await timeJob(bench, orchestrator, {
    name: "65,535 tasks",
    task: () => new Split({ levels: DEEP_LEVELS, join: false }),
    warmUps: 0,
    rounds: bench.quick ? 1 : 3,
  });
  yield { name: "recursion_65535", value: (2 ** DEEP_LEVELS - 1) / (median(deep) / 1_000), unit: "tasks/s" };
  const peak = await orchestrator.peakRss();
  if (peak !== undefined)
    yield { name: "recursion_peak_rss", value: peak / 2 ** 20, unit: "MiB", target: { atMost: 512 } };
};
