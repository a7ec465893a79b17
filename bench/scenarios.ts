import { Runner, Task } from "taskgrove";
import { type Figures, median, percentile } from "./figures.ts";
import { type System, startSystem } from "./system.ts";
import { Chain, FanOut, Halve, Waiting } from "./tasks.ts";

/** How much is measured. */
export interface Extent {
  readonly quick: boolean;
}

const CONCURRENCY = 250;

/** The scenarios by name, in the order in which they run. */
export const SCENARIOS: Readonly<Record<string, (figures: Figures, extent: Extent) => Promise<void>>> = {
  "fan-out": fanOut,
  shapes,
  latency,
  submit,
  backlog,
};

/** Submits a job and waits for its end, in milliseconds from before the submission. */
async function timeJob(system: System, task: Task<object>): Promise<number> {
  const started = performance.now();
  const job = await system.client.jobs.submit("bench", task);
  const ended = await system.client.jobs.wait(job.id);
  if (ended.state !== "COMPLETED") throw new Error(`a job of the benchmark ended ${ended.state}`);
  return performance.now() - started;
}

async function repeat(times: number, measure: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let index = 0; index < times; index++) values.push(await measure());
  return median(values);
}

async function withRunners(use: (system: System) => Promise<void>): Promise<void> {
  await using system = await startSystem();
  await system.addRunner(CONCURRENCY);
  await system.addRunner(CONCURRENCY);
  await timeJob(system, new FanOut({ children: 5_000, join: false }));
  await use(system);
}

async function fanOut(figures: Figures, { quick }: Extent): Promise<void> {
  await withRunners(async (system) => {
    for (const children of quick ? [1_000, 10_000] : [1_000, 10_000, 100_000]) {
      const commits = await system.counter("taskgrove_batch_size_count");
      const ms = await repeat(children > 10_000 ? 1 : 3, () => timeJob(system, new FanOut({ children, join: false })));
      figures.add(`fan-out 1 to ${children}`, children / (ms / 1000), "tasks/s", "20,000");
      const made = (await system.counter("taskgrove_batch_size_count")) - commits;
      figures.add(
        `fan-out 1 to ${children}: commits`,
        made / (children / 1000) / (children > 10_000 ? 1 : 3),
        "per 1k tasks",
      );
    }
    figures.add("orchestrator memory after the fan-outs", system.memoryMiB(), "MiB", "512");
  });
}

async function shapes(figures: Figures, { quick }: Extent): Promise<void> {
  await withRunners(async (system) => {
    const times = quick ? 5 : 15;
    const add = async (name: string, task: () => Task<object>, target?: string) =>
      figures.add(name, await repeat(times, () => timeJob(system, task())), "ms", target);
    await add("1 to 1,000 to 1", () => new FanOut({ children: 1_000, join: true }), "60");
    await add("binary recursion, 1,023 tasks", () => new Halve({ depth: 9, join: false }));
    await add("binary recursion with joins, 1,023 nodes", () => new Halve({ depth: 9, join: true }), "80");
    const length = quick ? 1_000 : 10_000;
    const ms = await repeat(quick ? 1 : 3, () => timeJob(system, new Chain({ length })));
    figures.add(`chain of ${length}`, length / (ms / 1000), "tasks/s");
  });
}

/** Submitter and runner are one process here, so that one clock measures. */
async function latency(figures: Figures, { quick }: Extent): Promise<void> {
  await using system = await startSystem();
  let started = Promise.withResolvers<number>();
  class Probe extends Task {
    execute(): void {
      started.resolve(performance.now());
    }
  }
  const logger = { debug() {}, info() {}, warn: console.error, error: console.error };
  const runner = new Runner({ address: system.address, tasks: [Probe], concurrency: 4, logger });
  const running = runner.run({ handleSignals: false });
  const values: number[] = [];
  for (let index = 0; index < (quick ? 300 : 2_000); index++) {
    started = Promise.withResolvers();
    const before = performance.now();
    const job = await system.client.jobs.submit("probe", new Probe());
    values.push((await started.promise) - before);
    await system.client.jobs.wait(job.id);
  }
  await runner.stop();
  await running;
  figures.add("submit to start on an idle runner, p50", percentile(values, 0.5), "ms", "2");
  figures.add("submit to start on an idle runner, p99", percentile(values, 0.99), "ms", "10");
}

async function submit(figures: Figures, { quick }: Extent): Promise<void> {
  await using system = await startSystem();
  const jobs = quick ? 20_000 : 60_000;
  const single = Array.from({ length: jobs }, () => ({ name: "single", tasks: new Waiting(new Uint8Array(20)) }));
  const before = system.memoryMiB();
  const started = performance.now();
  for await (const result of system.client.jobs.submitMany(single, { window: 4_000 })) {
    if ("error" in result && result.error !== undefined) throw result.error;
  }
  figures.add("single submissions over the stream", jobs / ((performance.now() - started) / 1000), "jobs/s", "15,000");
  const bulk = quick ? 50 : 200;
  const many = Array.from({ length: bulk }, () => ({
    name: "bulk",
    tasks: Array.from({ length: 1_000 }, () => new Waiting(new Uint8Array(20))),
  }));
  const bulkStarted = performance.now();
  for await (const result of system.client.jobs.submitMany(many, { window: 20 })) {
    if ("error" in result && result.error !== undefined) throw result.error;
  }
  const seconds = (performance.now() - bulkStarted) / 1000;
  figures.add("tasks in jobs of 1,000 root tasks", (bulk * 1_000) / seconds, "tasks/s", "50,000");
  const queued = jobs + bulk * 1_000;
  figures.add("memory per queued task", ((system.memoryMiB() - before) * 2 ** 20) / queued, "bytes");
}

/** The cost of a task beside more and more that is queued for other runners. */
async function backlog(figures: Figures, { quick }: Extent): Promise<void> {
  await withRunners(async (system) => {
    const rates: number[] = [];
    const children = 10_000;
    let queued = 0;
    for (const size of quick ? [0, 100_000] : [0, 100_000, 1_000_000]) {
      for (; queued < size; queued += 5_000) {
        const waiting = Array.from({ length: 5_000 }, () => new Waiting(new Uint8Array(20)));
        await system.client.jobs.submit("backlog", waiting, { priority: -1 });
      }
      const ms = await repeat(3, () => timeJob(system, new FanOut({ children, join: false })));
      rates.push(children / (ms / 1000));
      figures.add(`fan-out 1 to ${children}, backlog ${size}`, children / (ms / 1000), "tasks/s");
    }
    const [first = Number.NaN] = rates;
    figures.add("cost per task at the largest backlog : at none", first / (rates.at(-1) ?? Number.NaN), "ratio", "1.3");
  });
}
