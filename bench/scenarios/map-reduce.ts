import { median, shortCount } from "../figures.ts";
import type { Scenario } from "../harness/bench.ts";
import { countCosts, timeJob } from "../harness/measure.ts";
import { MapReduce } from "../tasks.ts";

/** One task, its children, a thousand on a store that is fast, and one more that depends on all of them. */
export const mapReduce: Scenario = async function* (bench) {
  const orchestrator = await bench.startOrchestrator("map-reduce");
  const runners = await bench.startRunners();
  await runners.connect(orchestrator);
  const count = bench.scaled(1_000);
  const run = { name: `1 → ${count} → 1`, task: () => new MapReduce({ count }) };
  await timeJob(bench, orchestrator, { ...run, warmUps: 15, rounds: 0 });
  const costs = await countCosts([orchestrator]);
  const times = await timeJob(bench, orchestrator, { ...run, warmUps: 0, rounds: bench.quick ? 20 : 60 });
  const name = `map_reduce_${shortCount(count)}`;
  yield { name, value: median(times), unit: "ms", ...bench.speedTarget({ atMost: 60 }) };
  yield* await costs(name);
};
