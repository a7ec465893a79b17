import { percentile } from "../figures.ts";
import type { Scenario } from "../harness/bench.ts";
import { connectProbe, type ProbeTimes } from "../harness/probe.ts";

const WARM_UPS = 300;

/** Single jobs to an idle runner, one after the other: from submit to the start of the handler, and to the answer to the submission. */
export const latency: Scenario = async function* (bench) {
  const orchestrator = await bench.startOrchestrator("latency");
  await using probe = await connectProbe(orchestrator);
  const rounds = bench.scaled(bench.quick ? 700 : 5_000);
  const times: ProbeTimes[] = [];
  for (let round = -bench.scaled(WARM_UPS); round < rounds; round++) {
    if (round % 100 === 0) bench.say(round < 0 ? "warming up" : `${round} of ${rounds} jobs`);
    const time = await probe.time(orchestrator.client);
    if (round >= 0) times.push(time);
  }
  const starts = times.map(({ startMs }) => startMs);
  const answers = times.map(({ answerMs }) => answerMs);
  const [p50, p99] = [bench.speedTarget({ atMost: 2 }), bench.speedTarget({ atMost: 10 })];
  yield { name: "dispatch_latency_p50", value: percentile(starts, 0.5), unit: "ms", ...p50 };
  yield { name: "dispatch_latency_p99", value: percentile(starts, 0.99), unit: "ms", ...p99 };
  yield { name: "submit_latency_p50", value: percentile(answers, 0.5), unit: "ms" };
  yield { name: "submit_latency_p99", value: percentile(answers, 0.99), unit: "ms" };
};
