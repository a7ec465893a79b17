import { median, shortCount } from "../figures.ts";
import type { Bench, Scenario } from "../harness/bench.ts";
import { ELSEWHERE, submitBulk } from "../harness/bulk.ts";
import type { Orchestrator } from "../harness/orchestrator.ts";
import type { Runners } from "../harness/runners.ts";
import { FanOut } from "../tasks.ts";

const QUEUED = "taskgrove_tasks_queued";
const TASKS = 10_000;
const BASE = 1_000;
/** Claimed before the backlog of the same queue. */
const AHEAD = { priority: 1 };

/** Where the tasks of the backlog wait. */
const KINDS = {
  /** For other runners. */
  other_queue: { cluster: ELSEWHERE },
  /** In the queue of the measured tasks, behind them. */
  same_queue: {},
} as const;

interface Loaded {
  readonly backlog: number;
  readonly orchestrator: Orchestrator;
  /** Per task, in microseconds, one for each round. */
  readonly costs: number[];
}

/**
 * A fan-out while many other tasks are queued. There is one orchestrator for each size of the backlog, and the rounds take turns, so that whatever
 * else the machine does hits all sizes alike.
 */
export const backlog: Scenario = async function* (bench) {
  const largest = bench.quick ? 100_000 : 1_000_000;
  const runners = await bench.startRunners();
  for (const kind of Object.keys(KINDS) as (keyof typeof KINDS)[]) {
    const loaded: Loaded[] = [];
    for (const size of new Set([0, BASE, 100_000, largest])) {
      const orchestrator = await bench.startOrchestrator(`backlog-${kind}-${size}`);
      await orchestrator.client.clusters.create({ slug: ELSEWHERE });
      loaded.push({ backlog: size, orchestrator, costs: [] });
      await fill(bench, kind, loaded.at(-1) as Loaded);
    }
    await measureInTurns(bench, kind, loaded, runners);
    for (const { backlog: size, costs } of loaded)
      yield { name: `backlog_${kind}_${shortCount(size)}`, value: median(costs), unit: "µs/task" };
    yield {
      name: `backlog_${kind}_${shortCount(largest)}_ratio`,
      value: ratio(loaded, largest),
      unit: `× the cost at ${shortCount(BASE)}`,
      target: { atMost: 1.3 },
    };
    for (const { orchestrator } of loaded) await orchestrator[Symbol.asyncDispose]();
  }
};

async function measureInTurns(
  bench: Bench,
  kind: keyof typeof KINDS,
  loaded: readonly Loaded[],
  runners: Runners,
): Promise<void> {
  const rounds = bench.quick ? 3 : 9;
  // The first round warms up and does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const one of loaded) {
      await fill(bench, kind, one);
      const turn = round === 0 ? "warming up" : `round ${round} of ${rounds}`;
      bench.say(`${kind}, backlog ${shortCount(one.backlog)}: ${turn}`);
      const cost = await measure(one.orchestrator, runners);
      if (round > 0) one.costs.push(cost);
    }
  }
}

/** Fills the backlog up: runners have taken some of it since the last round. */
async function fill(bench: Bench, kind: keyof typeof KINDS, { backlog: size, orchestrator }: Loaded): Promise<void> {
  const missing = size - ((await orchestrator.metrics()).get(QUEUED) ?? 0);
  if (missing <= 0) return;
  await submitBulk(orchestrator.client, missing, KINDS[kind], (stored) => {
    if (stored % 10_000 === 0)
      bench.say(
        `${kind}, backlog ${shortCount(size)}: ${stored.toLocaleString("en")} of ${missing.toLocaleString("en")} queued`,
      );
  });
}

/**
 * Runners come only when the job is submitted, else they would use up a backlog of their own queue. So the time runs from the start of the
 * root task until the job is completed, both by the orchestrator's clock.
 */
async function measure(orchestrator: Orchestrator, runners: Runners): Promise<number> {
  const { client } = orchestrator;
  const { id } = await client.jobs.submit("bench", new FanOut({ count: TASKS }), AHEAD);
  runners.start(orchestrator);
  const { state, startedAt, endedAt } = await client.jobs.wait(id);
  await runners.stop();
  if (state !== "COMPLETED" || startedAt === undefined || endedAt === undefined)
    throw new Error(`a job ended as ${state}`);
  return (1_000 * (endedAt.getTime() - startedAt.getTime())) / TASKS;
}

/** Of the two sizes in the same round, the one in the middle. */
function ratio(loaded: readonly Loaded[], largest: number): number {
  const costsOf = (size: number) => loaded.find((one) => one.backlog === size)?.costs ?? [];
  const base = costsOf(BASE);
  return median(costsOf(largest).map((cost, round) => cost / (base[round] ?? Number.NaN)));
}
