import { percentile } from "../figures.ts";
import type { Scenario } from "../harness/bench.ts";
import { connectProbe } from "../harness/probe.ts";

const WARM_UPS = 300;

/**
 * Single jobs to an idle runner at one orchestrator, submitted in turns through another one on the same database and through the runner's own: from
 * submit to the start of the handler. The difference is what the wake-up between the two costs.
 */
export const crossReplica: Scenario = async function* (bench) {
  const database = await bench.openDatabase("cross-replica");
  const other = await bench.startOrchestrator("cross-replica-a", database);
  const own = await bench.startOrchestrator("cross-replica-b", database);
  await using probe = await connectProbe(own);
  const rounds = bench.scaled(bench.quick ? 500 : 2_500);
  const across: number[] = [];
  const within: number[] = [];
  for (let round = -bench.scaled(WARM_UPS); round < rounds; round++) {
    if (round % 10 === 0) bench.say(round < 0 ? "warming up" : `${round} of ${rounds} jobs each`);
    const [a, b] = [await probe.time(other.client), await probe.time(own.client)];
    if (round < 0) continue;
    across.push(a.startMs);
    within.push(b.startMs);
  }
  yield { name: "cross_replica_p50", value: percentile(across, 0.5), unit: "ms", target: { atMost: 30 } };
  yield { name: "cross_replica_p99", value: percentile(across, 0.99), unit: "ms" };
  yield { name: "cross_replica_own_p50", value: percentile(within, 0.5), unit: "ms" };
  yield { name: "cross_replica_own_p99", value: percentile(within, 0.99), unit: "ms" };
};
