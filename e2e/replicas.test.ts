import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { Client, Runner, Task, type TaskChange, type TaskContext } from "taskgrove";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { describeWithMongo } from "../scripts/mongodb/describe-with-mongo.ts";
import { freshDatabaseName } from "../scripts/mongodb/fresh-database-name.ts";
import { end, freePort, Processes } from "./processes.ts";
import { FanOut } from "./tasks.ts";

const FAN_OUTS = 20;
const LEAVES = 150;
/** Of each fan-out: itself, its leaves, and the join. */
const TASKS = FAN_OUTS * (LEAVES + 2);
const RUNNERS = 3;
const CONCURRENCY = 20;
const ROUNDS = 20;
/** What an orchestrator that is killed has left open is in the way of the others for two seconds. */
const SHORT_LEASE = "10s";
const USUAL_LEASE = "30s";
/** From a submission to the start, or from a cancel to the abort, on a machine that is busy. */
const PROMPT_MS = 250;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

describeWithMongo("three orchestrators on one database", (uri) => {
  let folder: string;
  let database: string;
  let processes: Processes;
  let ports: number[];
  let addresses: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "taskgrove-replicas-"));
    database = freshDatabaseName();
    processes = new Processes();
    ports = [await freePort(), await freePort(), await freePort()];
    addresses = ports.map((port) => `127.0.0.1:${port}`);
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    await processes[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
    await using connection = await MongoClient.connect(uri);
    await connection.db(database).dropDatabase();
    // A step that was open when its orchestrator was killed is in the way of that for a minute at most.
  }, 120_000);

  function startOrchestrator(index: number, lease: string): Promise<ChildProcess> {
    const store = ["--store", "mongodb", "--mongodb-uri", uri, "--mongodb-database", database];
    return processes.startOrchestrator(ports[index] ?? 0, [...store, "--lease-duration", lease]);
  }

  async function executions(): Promise<string[]> {
    const files = await readdir(folder);
    const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
    return texts.flatMap((text) => text.trim().split("\n"));
  }

  it("lose nothing and repeat nothing while one of them stops and two are killed", async () => {
    // The client takes the first address, and when that one is lost the first of the others: the first two disturbances cut its watch.
    vi.spyOn(Math, "random").mockReturnValue(0);
    const orchestrators = [0, 1, 2].map((index) => startOrchestrator(index, SHORT_LEASE));
    await Promise.all(orchestrators);
    for (let n = 0; n < RUNNERS; n++) {
      processes.startRunner({ addresses, concurrency: CONCURRENCY, executions: join(folder, `runner-${n}`) });
    }
    using client = new Client({ addresses });
    const fanOuts = Array.from({ length: FAN_OUTS }, () => new FanOut({ leaves: LEAVES, pauseMs: 5 }));
    const job = await client.jobs.submit("replicas", fanOuts);
    const disturbances = [
      { at: TASKS / 5, index: 0, signal: "SIGTERM" },
      { at: (2 * TASKS) / 5, index: 1, signal: "SIGKILL" },
      { at: (3 * TASKS) / 5, index: 2, signal: "SIGKILL" },
    ] as const;
    let disturbed = 0;
    const changes: TaskChange[] = [];
    let completed = 0;
    for await (const update of client.jobs.watch(job.id)) {
      changes.push(...update.tasks);
      completed += update.tasks.filter((change) => change.state === "COMPLETED").length;
      const next = disturbances[disturbed];
      if (next === undefined || completed < next.at) continue;
      disturbed++;
      await end(await orchestrators[next.index], next.signal);
      orchestrators[next.index] = startOrchestrator(next.index, SHORT_LEASE);
    }
    await Promise.all(orchestrators);

    expect(disturbed).toBe(disturbances.length);
    const { job: ended, roots } = await client.jobs.tree(job.id);
    expect(ended).toMatchObject({ state: "COMPLETED", taskCounts: { completed: TASKS, queued: 0, running: 0 } });
    const tasks = roots.flatMap((root) => [root, ...root.children]);
    expect(tasks).toHaveLength(TASKS);
    expect(tasks.filter(({ state, failures, crashes }) => state !== "COMPLETED" || failures + crashes > 0)).toEqual([]);
    // No runner died: each task was executed exactly once, and that attempt was its last one.
    const expected = tasks.map(({ id, attempt }) => `${id} ${attempt}`).sort();
    expect((await executions()).sort()).toEqual(expected);
    // It was also the first one, but for what was granted and died on the way with an orchestrator that was killed.
    const grantedAgain = tasks.filter(({ attempt }) => attempt > 1);
    expect(grantedAgain.filter(({ attempt }) => attempt > 2)).toEqual([]);
    expect(grantedAgain.length).toBeLessThanOrEqual(2 * RUNNERS * CONCURRENCY);
    expectEachStepOnce(changes, new Set(grantedAgain.map(({ id }) => id)));
  }, 180_000);

  it("start a task that came to one on a runner at another, and stop it there when its job is canceled here", async () => {
    // A beat is a second apart then, and heartbeats ten: what comes sooner has come by a wake-up.
    await Promise.all([0, 1].map((index) => startOrchestrator(index, USUAL_LEASE)));
    const [here = "", there = ""] = addresses;
    const runner = new Runner({ address: there, tasks: [Holds], concurrency: ROUNDS, logger: silent });
    const run = runner.run({ handleSignals: false });
    try {
      using client = new Client({ address: here });
      const delays: { readonly started: number; readonly aborted: number }[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const submittedMs = performance.now();
        const submitted = client.jobs.submit("holds", new Holds());
        const holding = await Holds.next();
        const started = performance.now() - submittedMs;
        const canceledMs = performance.now();
        const canceled = client.jobs.cancel((await submitted).id);
        expect(await holding.aborted).toMatchObject({ reason: "JOB_CANCELED" });
        delays.push({ started, aborted: performance.now() - canceledMs });
        await canceled;
      }
      expect(median(delays.map(({ started }) => started))).toBeLessThan(PROMPT_MS);
      expect(median(delays.map(({ aborted }) => aborted))).toBeLessThan(PROMPT_MS);
    } finally {
      await runner.stop();
      await run;
    }
  });
});

/** Runs until its signal aborts. */
class Holds extends Task {
  static #started = Promise.withResolvers<{ readonly aborted: Promise<unknown> }>();

  /** The one that starts next. */
  static async next(): Promise<{ readonly aborted: Promise<unknown> }> {
    const holding = await Holds.#started.promise;
    Holds.#started = Promise.withResolvers();
    return holding;
  }

  override async execute({ signal }: TaskContext): Promise<void> {
    const aborted = once(signal, "abort").then(() => signal.reason);
    Holds.#started.resolve({ aborted });
    throw await aborted;
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Each step of each task was told once, in its order, and none of those that must be is missing. */
function expectEachStepOnce(changes: readonly TaskChange[], grantedAgain: ReadonlySet<string>): void {
  const steps = Map.groupBy(changes, ({ taskId }) => taskId);
  expect(steps.size).toBe(TASKS);
  for (const [taskId, path] of steps) {
    const [attempt, lost] = grantedAgain.has(taskId) ? [2, ["RUNNING 1", "QUEUED 1"]] : [1, []];
    const ending = path.at(-2)?.state === "COMPUTED" ? [`COMPUTED ${attempt}`] : [];
    const expected = ["QUEUED 0", ...lost, `RUNNING ${attempt}`, ...ending, `COMPLETED ${attempt}`];
    expect(path.map((change) => `${change.state} ${change.attempt}`)).toEqual(expected);
  }
}
