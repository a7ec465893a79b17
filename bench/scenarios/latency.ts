import { setTimeout as sleep } from "node:timers/promises";
import { createStderrLogger, Runner, Task } from "taskgrove";
import { percentile } from "../figures.ts";
import type { Scenario } from "../harness/bench.ts";
import { until } from "../harness/until.ts";

const WARM_UPS = 300;
/** Between two jobs, up to this long, so that the runner is idle and nothing falls into step with anything. */
const LONGEST_PAUSE_MS = 4;

/** Tells when its handler starts. It runs in the process that submits, so that one clock tells both times. */
class Probe extends Task {
  static started: (atMs: number) => void = () => {};

  override execute(): void {
    Probe.started(performance.now());
  }
}

/** Single jobs to an idle runner, one after the other: from submit to the start of the handler, and to the answer to the submission. */
export const latency: Scenario = async function* (bench) {
  const { client, address } = await bench.startOrchestrator("latency");
  const runner = new Runner({ tasks: [Probe], address, name: "probe", logger: createStderrLogger("warn") });
  const running = runner.run({ handleSignals: false });
  try {
    await until("the runner is connected", async () => (await Array.fromAsync(client.runners.list())).length === 1);
    const rounds = bench.quick ? 700 : 5_000;
    const starts: number[] = [];
    const answers: number[] = [];
    for (let round = -WARM_UPS; round < rounds; round++) {
      if (round % 100 === 0) bench.say(round < 0 ? "warming up" : `${round} of ${rounds} jobs`);
      const started = new Promise<number>((resolve) => (Probe.started = resolve));
      const submittedMs = performance.now();
      await client.jobs.submit("probe", new Probe());
      const answeredMs = performance.now();
      const startedMs = await started;
      await sleep(Math.random() * LONGEST_PAUSE_MS);
      if (round < 0) continue;
      starts.push(startedMs - submittedMs);
      answers.push(answeredMs - submittedMs);
    }
    yield { name: "dispatch_latency_p50", value: percentile(starts, 0.5), unit: "ms", target: { atMost: 2 } };
    yield { name: "dispatch_latency_p99", value: percentile(starts, 0.99), unit: "ms", target: { atMost: 10 } };
    yield { name: "submit_latency_p50", value: percentile(answers, 0.5), unit: "ms" };
    yield { name: "submit_latency_p99", value: percentile(answers, 0.99), unit: "ms" };
  } finally {
    await runner.stop();
    await running;
  }
};
