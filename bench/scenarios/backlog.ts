import type { AnyTask } from "taskgrove";
import { type Figure, median, shortCount } from "../figures.ts";
import type { Bench, Scenario } from "../harness/bench.ts";
import { ELSEWHERE, submitBulk } from "../harness/bulk.ts";
import type { Orchestrator } from "../harness/orchestrator.ts";
import type { Runners } from "../harness/runners.ts";
import { Chain, FanOut, Split } from "../tasks.ts";

const QUEUED = "taskgrove_tasks_queued";
const BASE = 1_000;
/** Claimed before the backlog of the same queue. */
const AHEAD = { priority: 1 };

interface Shape {
  readonly name: string;
  readonly task: () => AnyTask;
  readonly tasks: number;
}

function fanOutOf(count: number): Shape {
  return { name: "fan_out", task: () => new FanOut({ count }), tasks: count + 1 };
}

function recursionOf(levels: number): Shape {
  return { name: "recursion", task: () => new Split({ levels, join: false }), tasks: 2 ** levels - 1 };
}

function chainOf(length: number): Shape {
  return { name: "chain", task: () => new Chain({ length }), tasks: length + 1 };
}

/** Where the tasks of the backlog wait. */
interface Kind {
  readonly name: string;
  readonly options: { readonly cluster?: string };
}

const OTHER_QUEUE: Kind = { name: "other_queue", options: { cluster: ELSEWHERE } };
/** Behind the measured tasks. Only what keeps runners busy can be measured: else they use up the backlog at the same time. */
const SAME_QUEUE: Kind = { name: "same_queue", options: {} };

interface Loaded {
  readonly size: number;
  readonly orchestrator: Orchestrator;
  /** By shape: microseconds per task, one for each round. */
  readonly costs: ReadonlyMap<Shape, number[]>;
}

/**
 * Jobs while many other tasks are queued. There is one orchestrator for each size of the backlog, and rounds take turns, so that whatever else the
 * machine does hits all sizes alike.
 */
export const backlog: Scenario = async function* (bench) {
  const runners = await bench.startRunners();
  const fanOut = fanOutOf(bench.scaled(10_000));
  const others = [recursionOf(Math.round(Math.log2(bench.scaled(2 ** 12)))), chainOf(bench.scaled(300))];
  for (const kind of [OTHER_QUEUE, SAME_QUEUE]) {
    const shapes = bench.quick || kind === SAME_QUEUE ? [fanOut] : [fanOut, ...others];
    const loaded = await load(bench, kind, shapes);
    await measureInTurns(bench, kind, loaded, runners);
    for (const shape of shapes) yield* figuresOf(bench, kind, shape, loaded);
    for (const { orchestrator } of loaded) await orchestrator[Symbol.asyncDispose]();
  }
};

async function load(bench: Bench, kind: Kind, shapes: readonly Shape[]): Promise<Loaded[]> {
  const loaded: Loaded[] = [];
  const sizes = [BASE, 100_000, ...(bench.quick ? [] : [1_000_000])].map(bench.scaled);
  for (const size of [0, ...sizes]) {
    const orchestrator = await bench.startOrchestrator(`backlog-${kind.name}-${size}`);
    await orchestrator.client.clusters.create({ slug: ELSEWHERE });
    const one = { size, orchestrator, costs: new Map(shapes.map((shape) => [shape, [] as number[]])) };
    await fill(bench, kind, one);
    loaded.push(one);
  }
  return loaded;
}

async function measureInTurns(bench: Bench, kind: Kind, loaded: readonly Loaded[], runners: Runners): Promise<void> {
  const rounds = bench.quick ? 3 : 9;
  // The first round warms up and does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const one of loaded) {
      for (const [shape, costs] of one.costs) {
        await fill(bench, kind, one);
        const turn = round === 0 ? "warming up" : `round ${round} of ${rounds}`;
        bench.say(`${kind.name}, ${shortCount(one.size)} queued, ${shape.name}: ${turn}`);
        const cost = await measure(one.orchestrator, runners, shape);
        if (round > 0) costs.push(cost);
      }
    }
  }
}

/** Fills the backlog up: runners may have taken some of it since the last time. */
async function fill(bench: Bench, kind: Kind, { size, orchestrator }: Loaded): Promise<void> {
  const missing = size - ((await orchestrator.metrics()).get(QUEUED) ?? 0);
  if (missing <= 0) return;
  await submitBulk(orchestrator.client, missing, kind.options, (stored) => {
    bench.say(`${kind.name}: ${stored.toLocaleString("en")} of ${missing.toLocaleString("en")} queued`);
  });
}

/**
 * Microseconds per task. Runners come only when the job is submitted, else they would use up a backlog of their own queue. So the time runs
 * from the start of the root task until the job is completed, both by the orchestrator's clock.
 */
async function measure(orchestrator: Orchestrator, runners: Runners, { task, tasks }: Shape): Promise<number> {
  const { client } = orchestrator;
  const { id } = await client.jobs.submit("bench", task(), AHEAD);
  runners.start(orchestrator);
  const { state, startedAt, endedAt } = await client.jobs.wait(id);
  await runners.stop();
  if (state !== "COMPLETED" || startedAt === undefined || endedAt === undefined)
    throw new Error(`a job ended as ${state}`);
  return (1_000 * (endedAt.getTime() - startedAt.getTime())) / tasks;
}

function* figuresOf(bench: Bench, kind: Kind, shape: Shape, loaded: readonly Loaded[]): Generator<Figure> {
  const smallest = bench.scaled(BASE);
  const name = `backlog_${kind.name}_${shape.name}`;
  for (const { size, costs } of loaded)
    yield { name: `${name}_${shortCount(size)}`, value: median(costs.get(shape) ?? []), unit: "µs/task" };
  const base = loaded.find(({ size }) => size === smallest)?.costs.get(shape) ?? [];
  const largest = loaded.at(-1);
  // Of two sizes in the same round, and then the one in the middle.
  const ratios = (largest?.costs.get(shape) ?? []).map((cost, round) => cost / (base[round] ?? Number.NaN));
  yield {
    name: `${name}_${shortCount(largest?.size ?? 0)}_ratio`,
    value: median(ratios),
    unit: `× cost at ${shortCount(smallest)}`,
    ...bench.speedTarget({ atMost: 1.3 }),
  };
}
