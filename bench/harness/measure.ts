import type { AnyTask, SubmitOptions } from "taskgrove";
import type { Figure } from "../figures.ts";
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

/** What `count…` is to count for. */
export interface CostBase {
  /** The metric that counts what costs are counted for. */
  readonly counter: string;
  /** What one of them is called. */
  readonly unit: string;
}

/** Tasks that were computed. */
export const PER_TASK: CostBase = { counter: "taskgrove_tasks_settled_total", unit: "tasks" };

/**
 * Counts what orchestrators ask of their store for each thousand tasks, from now until the returned function is called: commits; of a database
 * server also round trips, and transactions that were run again after a conflict. `name` is the begin of the names of the figures.
 */
export async function countCosts(
  orchestrators: readonly Orchestrator[],
  { counter, unit }: CostBase = PER_TASK,
): Promise<(name: string) => Promise<Figure[]>> {
  const read = async () => {
    const all = await Promise.all(orchestrators.map((orchestrator) => orchestrator.metrics()));
    return (metric: string) => all.reduce((sum, metrics) => sum + (metrics.get(metric) ?? 0), 0);
  };
  const before = await read();
  return async (name) => {
    const after = await read();
    const items = after(counter) - before(counter);
    const cost = (what: string, metric: string): Figure => ({
      name: `${name}_${what.replace(" ", "_")}`,
      value: (1_000 * (after(metric) - before(metric))) / items,
      unit: `${what}/1k ${unit}`,
    });
    const commits = cost("commits", "taskgrove_commit_seconds_count");
    // The embedded store has no server to be asked, and nobody to be in the way of.
    if (after(ROUND_TRIPS) === 0) return [commits];
    return [commits, cost("round trips", ROUND_TRIPS), cost("conflicts", "taskgrove_transactions_retried_total")];
  };
}

const ROUND_TRIPS = "taskgrove_store_round_trips_total";
