import { shortCount } from "../figures.ts";
import type { Scenario } from "../harness/bench.ts";
import { ELSEWHERE, submitBulk } from "../harness/bulk.ts";

const RSS = "process_resident_memory_bytes";
const STORED = "taskgrove_store_size_bytes";
const WARM_UP = 10_000;

/** What queued tasks cost: the orchestrator's memory and the store's size before and after many of them are submitted. */
export const memory: Scenario = async function* (bench) {
  const orchestrator = await bench.startOrchestrator("memory");
  const { client } = orchestrator;
  await client.clusters.create({ slug: ELSEWHERE });
  const tasks = bench.scaled(bench.quick ? 100_000 : 1_000_000);
  bench.say("warming up");
  await submitBulk(client, bench.scaled(WARM_UP), { cluster: ELSEWHERE });
  const before = await orchestrator.metrics();
  await submitBulk(client, tasks, { cluster: ELSEWHERE }, (stored) => {
    if (stored % 10_000 === 0)
      bench.say(`${stored.toLocaleString("en")} of ${tasks.toLocaleString("en")} tasks queued`);
  });
  const after = await orchestrator.metrics();
  const growth = (name: string) => ((after.get(name) ?? 0) - (before.get(name) ?? 0)) / tasks;
  const size = shortCount(tasks);
  yield { name: `memory_per_task_${size}`, value: growth(RSS), unit: "bytes/queued task" };
  yield { name: `stored_per_task_${size}`, value: growth(STORED), unit: "bytes/queued task" };
  yield { name: `rss_${size}_queued`, value: (after.get(RSS) ?? 0) / 2 ** 20, unit: "MiB" };
  const peak = await orchestrator.peakRss();
  if (peak !== undefined) yield { name: `peak_rss_${size}_queued`, value: peak / 2 ** 20, unit: "MiB" };
};
