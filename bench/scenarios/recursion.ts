import { type Figure, median, type Target } from "../figures.ts";
import type { Bench, Scenario } from "../harness/bench.ts";
import { countCosts, timeJob } from "../harness/measure.ts";
import type { Orchestrator } from "../harness/orchestrator.ts";
import { Split } from "../tasks.ts";

/** 2^10 - 1 = 1,023 tasks. */
const LEVELS = 10;
/** 2^16 - 1 = 65,535 tasks. */
const DEEP_LEVELS = 16;

interface Tree {
  readonly levels: number;
  readonly join: boolean;
  readonly warmUps: number;
  readonly rounds: number;
  readonly target?: Target;
}

/**
 * Binary trees: each task submits two until there are 1,023; then the same with a task at each of the 511 that split which depends on both
 * halves, and a deep one. On a store that is slower the trees have fewer levels.
 */
export const recursion: Scenario = async function* (bench) {
  const orchestrator = await bench.startOrchestrator("recursion");
  const runners = await bench.startRunners();
  await runners.connect(orchestrator);
  const rounds = bench.quick ? 15 : 50;
  yield* measure(bench, orchestrator, { levels: LEVELS, join: false, warmUps: 15, rounds });
  yield* measure(bench, orchestrator, { levels: LEVELS, join: true, warmUps: 5, rounds, target: { atMost: 80 } });
  yield* measure(bench, orchestrator, { levels: DEEP_LEVELS, join: false, warmUps: 0, rounds: bench.quick ? 1 : 3 });
  const peak = await orchestrator.peakRss();
  if (peak !== undefined)
    yield { name: "recursion_peak_rss", value: peak / 2 ** 20, unit: "MiB", target: { atMost: 512 } };
};

async function* measure(bench: Bench, orchestrator: Orchestrator, tree: Tree): AsyncGenerator<Figure> {
  const { join, warmUps, rounds, target } = tree;
  const levels = Math.round(Math.log2(bench.scaled(2 ** tree.levels)));
  const tasks = 2 ** levels - 1;
  const run = { name: join ? `${tasks} tasks and joins` : `${tasks} tasks`, task: () => new Split({ levels, join }) };
  await timeJob(bench, orchestrator, { ...run, warmUps, rounds: 0 });
  const costs = await countCosts([orchestrator]);
  const duration = median(await timeJob(bench, orchestrator, { ...run, warmUps: 0, rounds }));
  const name = `recursion_${tasks}${join ? "_joins" : ""}`;
  if (tree.levels === DEEP_LEVELS) yield { name, value: tasks / (duration / 1_000), unit: "tasks/s" };
  else yield { name, value: duration, unit: "ms", ...(target && bench.speedTarget(target)) };
  yield* await costs(name);
}
