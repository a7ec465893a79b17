import { median } from "../figures.ts";
import type { Scenario } from "../harness/bench.ts";
import { timeJob } from "../harness/measure.ts";
import { MapReduce } from "../tasks.ts";

/** One task, its thousand children, and one more that depends on all of them. */
export const mapReduce: Scenario = async function* (bench) {
  const orchestrator = await bench.startOrchestrator("map-reduce");
  const runners = await bench.startRunners();
  await runners.connect(orchestrator);
  const times = await timeJob(bench, orchestrator, {
    name: "1 → 1,000 → 1",
    task: () => new MapReduce({ count: 1_000 }),
    warmUps: 15,
    rounds: bench.quick ? 20 : 60,
  });
  yield { name: "map_reduce_1k", value: median(times), unit: "ms", target: { atMost: 60 } };
};
