import { setTimeout as sleep } from "node:timers/promises";
import { type Client, createStderrLogger, Runner, Task } from "taskgrove";
import type { Orchestrator } from "./orchestrator.ts";
import { until } from "./until.ts";

/** Between two jobs, up to this long, so that the runner is idle and nothing falls into step with anything. */
const LONGEST_PAUSE_MS = 4;

/** How long one job took, in milliseconds since it was submitted. */
export interface ProbeTimes {
  /** Until its handler started. */
  readonly startMs: number;
  /** Until the submission was answered. */
  readonly answerMs: number;
}

/** An idle runner in this process, where jobs are submitted too: so that one clock tells all times. */
export interface Probe extends AsyncDisposable {
  /** Submits one job, and waits until it runs and a moment longer. */
  time(client: Client): Promise<ProbeTimes>;
}

/** Tells when its handler starts. */
class ProbeTask extends Task {
  static started: (atMs: number) => void = () => {};

  override execute(): void {
    ProbeTask.started(performance.now());
  }
}

/** Connects the runner; there may be one at a time. */
export async function connectProbe({ client, address }: Orchestrator): Promise<Probe> {
  const runner = new Runner({ tasks: [ProbeTask], address, name: "probe", logger: createStderrLogger("warn") });
  const running = runner.run({ handleSignals: false });
  await until("the runner is connected", async () => (await Array.fromAsync(client.runners.list())).length === 1);
  return {
    async time(submitter) {
      const started = new Promise<number>((resolve) => (ProbeTask.started = resolve));
      const submittedMs = performance.now();
      await submitter.jobs.submit("probe", new ProbeTask());
      const answeredMs = performance.now();
      const startedMs = await started;
      await sleep(Math.random() * LONGEST_PAUSE_MS);
      return { startMs: startedMs - submittedMs, answerMs: answeredMs - submittedMs };
    },
    async [Symbol.asyncDispose]() {
      await runner.stop();
      await running;
    },
  };
}
