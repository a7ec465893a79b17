import type { AnyTask, SubmitOptions } from "taskgrove";
import type { Bench } from "./bench.ts";
import type { Orchestrator } from "./orchestrator.ts";

/** A job that is run again and again. */
export interface JobToTime {
  /** What progress calls it. */
  readonly name: string;
  readonly task: () => AnyTask;
  readonly options?: SubmitOptions;
  /** How many times it is run without being measured, for the just-in-time compilers of all processes. */
  readonly warmUps: number;
  /** How many times it is measured. */
  readonly rounds: number;
}

/** Times from the submission of a job until the submitter knows that it is completed, in milliseconds, one for each round. */
export async function timeJob(bench: Bench, orchestrator: Orchestrator, job: JobToTime): Promise<number[]> {
  const { name, task, options, warmUps, rounds } = job;
  for (let round = 1; round <= warmUps; round++) {
    bench.say(`${name}: warming up, ${round} of ${warmUps}`);
    await runJob(orchestrator, task(), options);
  }
  const times: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    bench.say(`${name}: round ${round} of ${rounds}`);
    times.push(await runJob(orchestrator, task(), options));
  }
  return times;
}

async function runJob({ client }: Orchestrator, task: AnyTask, options?: SubmitOptions): Promise<number> {
  const startMs = performance.now();
  const { id } = await client.jobs.submit("bench", task, options);
  const { state, error } = await client.jobs.wait(id);
  const durationMs = performance.now() - startMs;
  if (state !== "COMPLETED") throw new Error(`a job ended as ${state}: ${error?.message ?? "for no reason"}`);
  return durationMs;
}

/** Counts commits of an orchestrator for each thousand of what its metric `counter` counts, from now until the returned function is called. */
export async function countCommits(orchestrator: Orchestrator, counter: string): Promise<() => Promise<number>> {
  const read = async () => {
    const metrics = await orchestrator.metrics();
    return { commits: metrics.get("taskgrove_commit_seconds_count") ?? 0, items: metrics.get(counter) ?? 0 };
  };
  const before = await read();
  return async () => {
    const after = await read();
    return (1_000 * (after.commits - before.commits)) / (after.items - before.items);
  };
}
