import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { defaultConfig, startOrchestrator } from "@taskgrove/orchestrator";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  BytesTask,
  Client,
  InvalidInputError,
  type JobUpdate,
  NonRetryableError,
  namedTask,
  RootTasks,
  Runner,
  Task,
  type TaskClass,
  type TaskContext,
  type TaskNode,
} from "./index.ts";
import { startTestServer, type TestServer } from "./testing/index.ts";
import { MemoryLogger } from "./testing-internal/memory-logger.ts";
import { startTlsFront, testCertificate } from "./testing-internal/tls-front.ts";
import { Halve, Slow } from "./testing-internal/tree-tasks.ts";

let server: TestServer;
let client: Client;
beforeEach(async () => {
  server = await startTestServer();
  client = new Client({ address: server.address });
});
afterEach(async () => {
  client.close();
  await server.stop();
});

function runnerOf(tasks: readonly TaskClass[], concurrency = 8): Runner {
  const options = { address: server.address, tasks, concurrency, shutdownGraceMs: 0, logger: new MemoryLogger() };
  return new Runner(options);
}

/** Runs a runner as long as the scope lasts. */
function startRunner(tasks: readonly TaskClass[], concurrency = 8): AsyncDisposable {
  const runner = runnerOf(tasks, concurrency);
  const run = runner.run({ handleSignals: false });
  return {
    async [Symbol.asyncDispose]() {
      await runner.stop();
      await run;
    },
  };
}

class Nothing extends Task<unknown> {
  override execute(): void {}
}

function shapeOf({ identifier, state, children }: TaskNode): unknown {
  return children.length === 0 ? `${identifier[0]} ${state}` : [`${identifier[0]} ${state}`, ...children.map(shapeOf)];
}

describe("a job", () => {
  it("grows into a tree whose parts share the job cache", async () => {
    class Square extends Task<number> {
      override async execute({ jobCache }: TaskContext): Promise<void> {
        await jobCache.group("squares").setJson(String(this.input), this.input ** 2);
      }
    }
    class Sum extends Task {
      override async execute({ jobCache }: TaskContext): Promise<void> {
        const squares = jobCache.group("squares");
        let sum = 0;
        for await (const key of squares) sum += (await squares.getJson(key)) as number;
        await jobCache.setJson("sum", sum);
      }
    }
    class Root extends Task<number[]> {
      override execute(context: TaskContext): void {
        const squares = context.submitSubtasks(this.input.map((n) => new Square(n)));
        context.submitSubtask(new Sum(), { dependsOn: squares, display: "the sum" });
      }
    }
    const job = await client.jobs.submit("squares", new Root([1, 2, 3]));
    expect(job).toMatchObject({ name: "squares", state: "SUBMITTED", startedAt: undefined, endedAt: undefined });
    await runnerOf([Root, Square, Sum]).runAll({ handleSignals: false });
    const { job: done, roots } = await client.jobs.tree(job.id);
    expect(done).toMatchObject({ state: "COMPLETED", error: undefined, taskCounts: { completed: 5 } });
    expect(done.endedAt).toBeInstanceOf(Date);
    expect(roots.map(shapeOf)).toEqual([
      ["Root COMPLETED", "Square COMPLETED", "Square COMPLETED", "Square COMPLETED", "Sum COMPLETED"],
    ]);
    expect(roots[0]?.children.at(-1)).toMatchObject({
      display: "the sum",
      parentId: roots[0]?.id,
      depth: 1,
      attempt: 1,
    });
    expect(await client.cache(job.id).getJson("sum")).toBe(14);
  });

  it("is retried, fails for good, and goes on after a retry of the job", async () => {
    let broken = true;
    const attempts: number[][] = [];
    class Flaky extends Task {
      override execute({ currentTask }: TaskContext): void {
        attempts.push([currentTask.attempt, currentTask.failures]);
        if (broken) throw new RangeError("out of luck");
      }
    }
    await using _ = startRunner([Flaky]);
    const job = await client.jobs.submit("flaky", new Flaky(), { maxRetries: 2 });
    const failed = await client.jobs.wait(job.id);
    expect(failed).toMatchObject({ state: "FAILED", error: { reason: "RangeError", message: "out of luck" } });
    expect(attempts).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
    ]);
    broken = false;
    const { requeuedTasks } = await client.jobs.retry(job.id);
    expect(requeuedTasks).toBe(1);
    expect((await client.jobs.wait(job.id)).state).toBe("COMPLETED");
  });

  it("fails at once when an error is marked so, and goes on when an optional branch fails", async () => {
    class Fatal extends Task {
      override execute(): void {
        throw new NonRetryableError("pointless");
      }
    }
    class Root extends Task {
      override execute(context: TaskContext): void {
        const optional = context.submitSubtask(new Fatal(), { optional: true, maxRetries: 5 });
        context.submitSubtask(new Nothing(1), { dependsOn: optional });
      }
    }
    await using _ = startRunner([Root, Fatal, Nothing]);
    const job = await client.jobs.submit("optional", new Root());
    expect((await client.jobs.wait(job.id)).state).toBe("COMPLETED");
    const { roots } = await client.jobs.tree(job.id);
    expect(roots.map(shapeOf)).toEqual([["Root COMPLETED", "Fatal FAILED_OPTIONAL", "Nothing COMPLETED"]]);
    expect(roots[0]?.children[0]).toMatchObject({ attempt: 1, error: { reason: "NonRetryableError" } });
  });

  it("is canceled; what runs is told, and given back", async () => {
    await using _ = startRunner([Slow]);
    const job = await client.jobs.submit("slow", [new Slow(), new Slow()]);
    for await (const update of client.jobs.watch(job.id)) {
      if (update.job?.taskCounts.running === 2) await client.jobs.cancel(job.id);
    }
    const { job: ended } = await client.jobs.tree(job.id);
    expect(ended).toMatchObject({ state: "CANCELED", taskCounts: { running: 0, queued: 2 } });
  });

  it("may have root tasks that depend on one another, and a task by name only", async () => {
    const order: unknown[] = [];
    class Step extends Task<number> {
      static readonly identifier = ["example.com/Step", "v1.2"] as const;
      override execute(): void {
        order.push(this.input);
      }
    }
    const roots = new RootTasks();
    const first = roots.add(new Step(1), { priority: -1 });
    const second = roots.add(namedTask(["example.com/Step", "v1.0"], 2), { dependsOn: first });
    roots.add(new Step(3), { dependsOn: [first, [second]] });
    const job = await client.jobs.submit("steps", roots);
    await runnerOf([Step]).runAll({ handleSignals: false });
    expect(order).toEqual([1, 2, 3]);
    expect((await client.jobs.get(job.id)).state).toBe("COMPLETED");
  });

  it("carries bytes, and inputs that a schema completes", async () => {
    const seen: unknown[] = [];
    class Raw extends BytesTask {
      override execute(): void {
        seen.push([...this.input]);
      }
    }
    class Sized extends Task<{ size: number }> {
      static readonly schema: StandardSchemaV1<{ size?: number }, { size: number }> = {
        "~standard": {
          version: 1,
          vendor: "test",
          validate: (value) => {
            const { size = 5 } = value as { size?: number };
            return size > 0 ? { value: { size } } : { issues: [{ message: "too small", path: ["size"] }] };
          },
        },
      };
      override execute(): void {
        seen.push(this.input);
      }
    }
    await client.jobs.submit("raw", new Raw(new Uint8Array([0, 255])));
    await client.jobs.submit("sized", new Sized({} as { size: number }));
    await expect(client.jobs.submit("refused", new Sized({ size: -1 }))).rejects.toThrow(InvalidInputError);
    await runnerOf([Raw, Sized], 1).runAll({ handleSignals: false });
    expect(seen).toEqual([[0, 255], { size: 5 }]);
    expect(await Array.fromAsync(client.jobs.list(), (job) => job.name)).toEqual(["sized", "raw"]);
  });

  it("may fan out to more than one message holds, and chain", async () => {
    class Fan extends Task<number> {
      override execute(context: TaskContext): void {
        const leaves = context.submitSubtasks(Array.from({ length: this.input }, (_, n) => new Nothing(n)));
        let last = context.submitSubtask(new Nothing(0), { dependsOn: leaves });
        for (let link = 1; link < 500; link++) last = context.submitSubtask(new Nothing(link), { dependsOn: last });
      }
    }
    await using _ = startRunner([Fan, Nothing], 200);
    const job = await client.jobs.submit("fan", new Fan(25_000));
    expect(await client.jobs.wait(job.id)).toMatchObject({ state: "COMPLETED", taskCounts: { completed: 25_501 } });
  });

  it("shows the progress of its tasks", async () => {
    class Works extends Task {
      override execute({ progress, currentTask }: TaskContext): void {
        progress("tiles").add(3);
        progress("tiles").done(2);
        currentTask.display = "worked";
      }
    }
    const job = await client.jobs.submit("progress", [new Works(), new Works()]);
    await runnerOf([Works]).runAll({ handleSignals: false });
    expect((await client.jobs.get(job.id)).progress).toEqual([{ label: "tiles", total: 6, done: 4 }]);
    expect(await Array.fromAsync(client.jobs.tasks(job.id), (task) => task.display)).toEqual(["worked", "worked"]);
  });
});

describe("the client", () => {
  it("says what was refused with code, reason and message", async () => {
    const submitted = client.jobs.submit("x", new Nothing(1), { cluster: "nowhere" });
    await expect(submitted).rejects.toMatchObject({
      name: "TaskgroveError",
      code: "NOT_FOUND",
      reason: "UNKNOWN_CLUSTER",
    });
    await expect(client.jobs.get("nothing")).rejects.toMatchObject({ code: "NOT_FOUND", reason: "JOB_NOT_FOUND" });
    await expect(Array.fromAsync(client.jobs.watch("nothing"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(new Client({ address: "127.0.0.1:1" }).jobs.get("x")).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  it("returns the first job for the same idempotency key", async () => {
    const first = await client.jobs.submit("once", new Nothing(1), { idempotencyKey: "k" });
    expect((await client.jobs.submit("once", new Nothing(1), { idempotencyKey: "k" })).id).toBe(first.id);
    const other = client.jobs.submit("once", new Nothing(2), { idempotencyKey: "k" });
    await expect(other).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  });

  it("pipelines many submissions, of which some are refused", async () => {
    const submissions = Array.from({ length: 2_000 }, (_, n) => ({
      name: n % 1_000 === 0 ? "" : `job ${n}`,
      tasks: n === 500 ? new Nothing(1n) : new Nothing(n),
    }));
    const results = await Array.fromAsync(client.jobs.submitMany(submissions, { window: 100 }));
    expect(new Set(results.map(({ index }) => index)).size).toBe(2_000);
    const refused = results
      .filter((result) => !result.ok)
      .map((result) => [result.index, !result.ok && result.error.name]);
    expect(refused.sort()).toEqual([
      [0, "TaskgroveError"],
      [1_000, "TaskgroveError"],
      [500, "InvalidInputError"],
    ]);
    expect(await Array.fromAsync(client.jobs.list({ nameContains: "JOB 19", limit: 5 }))).toHaveLength(5);
  });

  it("watches a job as it changes, and goes on from a token", async () => {
    const job = await client.jobs.submit("watched", [new Nothing(1), new Nothing(2)]);
    await runnerOf([Nothing], 1).runAll({ handleSignals: false });
    const updates: JobUpdate[] = await Array.fromAsync(client.jobs.watch(job.id));
    const steps = updates.flatMap(({ tasks }) => tasks.map(({ state }) => state));
    expect(steps.filter((state) => state === "COMPLETED")).toHaveLength(2);
    expect(updates.at(-1)?.job?.state).toBe("COMPLETED");
    const resumeToken = updates[0]?.resumeToken ?? "";
    expect(await Array.fromAsync(client.jobs.watch(job.id, { resumeToken }))).toEqual(updates.slice(1));
  });

  it("stops watching when its signal aborts", async () => {
    const job = await client.jobs.submit("watched", new Nothing(1));
    const controller = new AbortController();
    const reason = new Error("enough");
    const watch = async () => {
      for await (const _ of client.jobs.watch(job.id, { signal: controller.signal })) controller.abort(reason);
    };
    await expect(watch()).rejects.toBe(reason);
  });

  it("manages clusters and shows runners", async () => {
    await client.clusters.create({ slug: "gpu", displayName: "GPUs" });
    expect(await client.clusters.update("gpu", { description: "hot" })).toMatchObject({
      slug: "gpu",
      displayName: "GPUs",
      description: "hot",
      deletable: true,
    });
    expect(await Array.fromAsync(client.clusters.list(), ({ slug }) => slug)).toEqual(["default", "gpu"]);
    await using _ = startRunner([Slow]);
    const job = await client.jobs.submit("slow", new Slow());
    for await (const { job: now } of client.jobs.watch(job.id)) if (now?.state === "RUNNING") break;
    expect(await Array.fromAsync(client.runners.list())).toMatchObject([
      { cluster: "default", running: 1, identifiers: [["Slow", "v0.0"]] },
    ]);
    await client.clusters.delete("gpu");
    await expect(client.clusters.get("gpu")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("reads and writes the job cache, large values included", async () => {
    const job = await client.jobs.submit("cache", new Nothing(1));
    const cache = client.cache(job.id);
    const large = new Uint8Array(3_000_000).map((_, index) => index * 7);
    await cache.set("a/large", large);
    await cache.group("a").set("text", "tëxt");
    await cache.set("empty", "");
    expect(Buffer.compare((await cache.get("a/large")) as Uint8Array, large)).toBe(0);
    expect(await cache.getText("a/text")).toBe("tëxt");
    expect(await cache.get("empty")).toHaveLength(0);
    expect(await cache.get("missing")).toBeUndefined();
    expect(await Array.fromAsync(cache)).toEqual(["a/large", "a/text", "empty"]);
    expect(await Array.fromAsync(cache.keys())).toEqual(["empty"]);
    expect(await Array.fromAsync(cache.groups())).toEqual(["a"]);
    expect([await cache.delete("empty"), await cache.delete("empty")]).toEqual([true, false]);
    expect(await cache.group("a").clear()).toBe(2);
    await expect(client.cache("nothing").get("x")).rejects.toMatchObject({ reason: "JOB_NOT_FOUND" });
    await expect(cache.set("a//b", "x")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

describe("TLS", () => {
  it("is spoken by client and runner, when they trust the certificate", async () => {
    await using front = await startTlsFront(server.address);
    const tls = { rootCertificates: testCertificate };
    const address = `localhost:${front.port}`;
    using secure = new Client({ address, tls });
    const job = await secure.jobs.submit("secret", new Nothing(1));
    const runner = new Runner({ address, tls, tasks: [Nothing], logger: new MemoryLogger() });
    await runner.runAll({ handleSignals: false });
    expect((await secure.jobs.get(job.id)).state).toBe("COMPLETED");
    using distrustful = new Client({ address, tls: true });
    await expect(distrustful.jobs.get(job.id)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("self-signed certificate"),
    });
  });
});

describe("faults", () => {
  it("a runner for an unknown cluster is refused", async () => {
    const runner = new Runner({
      address: server.address,
      tasks: [Nothing],
      cluster: "nowhere",
      logger: new MemoryLogger(),
    });
    await expect(runner.run({ handleSignals: false })).rejects.toMatchObject({
      name: "TaskgroveError",
      code: "NOT_FOUND",
    });
  });

  it("a runner that is killed loses its tasks to another one", async () => {
    await using quick = await startTestServer({ leaseDurationMs: 600 });
    using submitter = new Client({ address: quick.address });
    const job = await submitter.jobs.submit("halves", new Halve({ from: 0, to: 200, pauseMs: 5 }));
    const [victim, survivor] = [startProcess(quick.address), startProcess(quick.address)];
    let killed = false;
    for await (const { job: now } of submitter.jobs.watch(job.id, { jobOnly: true })) {
      if (killed || (now?.taskCounts.completed ?? 0) < 20) continue;
      killed = victim.kill("SIGKILL");
    }
    survivor.kill("SIGTERM");
    const [exitCode] = await once(survivor, "exit");
    expect([killed, exitCode]).toEqual([true, 0]);
    const done = await submitter.jobs.get(job.id);
    expect(done).toMatchObject({ state: "COMPLETED", taskCounts: { completed: 399 } });
    expect(await Array.fromAsync(submitter.cache(job.id).group("leaves"))).toHaveLength(200);
  });

  function startProcess(address: string): ChildProcess {
    const script = fileURLToPath(new URL("./testing-internal/runner-process.ts", import.meta.url));
    return spawn(process.execPath, [script, address], { stdio: ["ignore", "ignore", "inherit"] });
  }

  it("an orchestrator that is restarted loses nothing, and nothing runs twice", async () => {
    const folder = mkdtempSync(join(tmpdir(), "taskgrove-sdk-"));
    const store = { kind: "sqlite", file: join(folder, "jobs.db"), synchronous: "normal" } as const;
    const base = defaultConfig({ grpcPort: 0, httpPort: 0, store, logLevel: "silent", shutdownTimeoutMs: 2_000 });
    let orchestrator = await startOrchestrator(base);
    const grpcPort = Number(orchestrator.grpcAddress.split(":")[1]);
    const executed = new Map<string, number>();
    class Counted extends Task<number> {
      override async execute(context: TaskContext): Promise<void> {
        executed.set(context.currentTask.id, (executed.get(context.currentTask.id) ?? 0) + 1);
        await context.jobCache.set(`n/${this.input}`, "x");
        if (this.input > 0) context.submitSubtasks([new Counted(this.input - 1), new Counted(this.input - 1)]);
      }
    }
    const logger = new MemoryLogger();
    const address = orchestrator.grpcAddress;
    const runner = new Runner({ address, tasks: [Counted], concurrency: 20, logger, shutdownGraceMs: 0 });
    const run = runner.run({ handleSignals: false });
    try {
      using submitter = new Client({ address });
      const job = await submitter.jobs.submit("restart", new Counted(9));
      let restarts = 0;
      let updates = 0;
      for await (const { job: now } of submitter.jobs.watch(job.id)) {
        updates++;
        if (restarts === 2 || (now?.taskCounts.completed ?? 0) < 200 * (restarts + 1)) continue;
        restarts++;
        await orchestrator.stop();
        orchestrator = await startOrchestrator({ ...base, grpcPort });
      }
      expect(restarts).toBe(2);
      expect(updates).toBeGreaterThan(restarts);
      expect(await submitter.jobs.get(job.id)).toMatchObject({ state: "COMPLETED", taskCounts: { completed: 1_023 } });
      expect(executed.size).toBe(1_023);
      expect([...executed.values()].every((times) => times === 1)).toBe(true);
      expect(logger.records.some(({ message }) => message === "session resumed")).toBe(true);
    } finally {
      await runner.stop();
      await run;
      await orchestrator.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
