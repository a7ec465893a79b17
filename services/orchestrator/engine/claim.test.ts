import { describe, expect, it } from "vitest";
import { EngineHarness } from "../testing/engine-harness.ts";
import { createFaultyStore } from "../testing/faulty-store.ts";
import { aSet, aTemplate } from "../testing/submissions.ts";
import type { TestRunner } from "../testing/test-runner.ts";

/** Computes what it is given, one task at a time, until nothing comes. */
async function runAll(harness: EngineHarness, runner: TestRunner): Promise<string[]> {
  for (let grants = runner.take(); grants.length > 0; grants = runner.take()) {
    for (const { label } of grants) runner.compute(label);
    await harness.settle();
  }
  return runner.labels;
}

describe("the order in which tasks are granted", () => {
  it("is priority, then the oldest job, then the order of submission", async () => {
    await using harness = await EngineHarness.start();
    await harness.submit({ tasks: aSet("a1", { tasks: ["a2"], priority: 5 }, { tasks: ["a3"], priority: -5 }) });
    await harness.submit({ tasks: aSet("b1", "b2"), priority: 1 });
    await harness.submit({ tasks: aSet({ tasks: ["c1", "c2"] }) });
    const runner = await harness.open({ credits: 9 });
    expect(runner.labels).toEqual(["a2", "b1", "b2", "a1", "c1", "c2", "a3"]);
  });

  it("is depth-first inside a job", async () => {
    await using harness = await EngineHarness.start();
    await harness.submit({ tasks: aSet("1", "2") });
    await harness.submit({ tasks: aSet("later") });
    const runner = await harness.open({ credits: 1 });
    runner.split("1", aSet("1.1", "1.2"));
    await harness.settle();
    runner.split("1.1", aSet("1.1.1", "1.1.2"));
    await harness.settle();
    runner.compute("1.1.1");
    await harness.settle();
    expect(await runAll(harness, runner)).toEqual(["1", "1.1", "1.1.1", "1.1.2", "1.2", "2", "later"]);
  });

  it("runs a chain in its order and a join after everything below what it waits for", async () => {
    await using harness = await EngineHarness.start();
    await harness.submit({ tasks: aSet("left", "right", { tasks: ["join"], dependsOn: [0, 1] }) });
    const runner = await harness.open({ credits: 5 });
    runner.split("left", aSet("below", { tasks: ["behind"], dependsOn: [0] }));
    runner.compute("right");
    await harness.settle();
    runner.split("below", aSet("deep"));
    await harness.settle();
    expect(runner.labels).toEqual(["left", "right", "below", "deep"]);
    runner.compute("deep");
    await harness.settle();
    runner.compute("behind");
    await harness.settle();
    expect(runner.labels).toEqual(["left", "right", "below", "deep", "behind", "join"]);
  });

  it("is the order of submission for a queue that nobody knew before, too", async () => {
    await using harness = await EngineHarness.start();
    const identifiers = ["Old", "New"].map((name) => ({ name, version: "v1.0" }));
    await harness.submit({ tasks: aSet({ tasks: ["first"], name: "Old" }) });
    const runner = await harness.open({ credits: 1, identifiers });
    runner.compute("first");
    await harness.settle();
    await harness.submit({ tasks: aSet({ tasks: ["new"], name: "New" }, { tasks: ["old"], name: "Old" }) });
    expect(await runAll(harness, runner)).toEqual(["first", "new", "old"]);
  });
});

describe("who is granted what", () => {
  it("is decided by cluster and compatible identifier", async () => {
    await using harness = await EngineHarness.start();
    await harness.engine.createCluster({ slug: "gpu", displayName: "GPU", description: "" });
    await harness.submit({
      tasks: aSet(
        { tasks: ["v1.0"] },
        { tasks: ["v1.3"], version: "v1.3" },
        { tasks: ["v2.0"], version: "v2.0" },
        { tasks: ["gpu"], cluster: "gpu" },
        { tasks: ["other"], name: "Other" },
      ),
    });
    const v12 = await harness.open({ credits: 9, identifiers: [{ name: "Task", version: "v1.2" }] });
    expect(v12.labels).toEqual(["v1.0"]);
    const gpu = await harness.open({ credits: 9, cluster: "gpu", identifiers: [{ name: "Task", version: "v1.2" }] });
    expect(gpu.labels).toEqual(["gpu"]);
    const both = await harness.open({
      credits: 9,
      identifiers: [
        { name: "Task", version: "v1.9" },
        { name: "Task", version: "v2.0" },
      ],
    });
    expect(both.labels).toEqual(["v1.3", "v2.0"]);
  });

  it("gives runners with the same abilities even shares", async () => {
    await using harness = await EngineHarness.start();
    const runners = [];
    for (let count = 0; count < 3; count++) runners.push(await harness.open({ credits: 10 }));
    await harness.submit({ tasks: aSet({ tasks: Array.from({ length: 9 }, (_, index) => `t${index}`) }) });
    expect(runners.map((runner) => runner.labels.length)).toEqual([3, 3, 3]);
  });

  it("never exceeds the credits, which outcomes give back", async () => {
    await using harness = await EngineHarness.start();
    const small = await harness.open({ credits: 1 });
    const large = await harness.open({ credits: 4 });
    await harness.submit({ tasks: aSet({ tasks: Array.from({ length: 9 }, (_, index) => `t${index}`) }) });
    expect([small.labels.length, large.labels.length]).toEqual([1, 4]);
    small.compute("t1");
    small.handle.addCredits(1);
    await harness.settle();
    expect(small.labels.length + large.labels.length).toBe(small.labels.includes("t1") ? 7 : 6);
    expect(large.labels).toHaveLength(4);
  });

  it("passes over a runner that does not read", async () => {
    await using harness = await EngineHarness.start();
    const slow = await harness.open({ credits: 4 });
    slow.isReading = false;
    await harness.submit({ tasks: aSet("a", "b") });
    expect(slow.labels).toEqual([]);
    const other = await harness.open({ credits: 1 });
    expect(other.labels).toEqual(["a"]);
    slow.isReading = true;
    slow.handle.writable();
    await harness.settle();
    expect(slow.labels).toEqual(["b"]);
  });
});

describe("a halted job with many queued tasks", () => {
  const SLICE = 10;
  const TASKS = 500;

  it("costs its own batch a slice, and is passed over at once", async () => {
    const faulty = createFaultyStore();
    await using harness = await EngineHarness.start({ settings: { sliceSize: SLICE }, wrapStore: faulty.wrap });
    const tasks = Array.from({ length: TASKS }, (_, index) => `t${index}`);
    const { job } = await harness.submit({ tasks: aSet({ tasks }), priority: 1 });
    await harness.submit({ tasks: aSet("other") });
    faulty.tasksWritten.length = 0;
    const canceled = harness.engine.cancelJob(job.id);
    const runner = await harness.open({ credits: 1 });
    expect(await canceled).toMatchObject({ ok: true, value: { status: "CANCELED" } });
    expect(runner.labels).toEqual(["other"]);
    expect(Math.max(...faulty.tasksWritten)).toBeLessThanOrEqual(SLICE + 1);
    expect(faulty.tasksWritten.reduce((sum, rows) => sum + rows)).toBe(TASKS + 1);
    expect(await harness.engine.reads.queues()).toMatchObject([{ queued: 0, running: 1 }]);
  });

  it("may be retried, and canceled again, while it is being set aside", async () => {
    await using harness = await EngineHarness.start({ settings: { sliceSize: SLICE } });
    const tasks = Array.from({ length: TASKS }, (_, index) => `t${index}`);
    const { job } = await harness.submit({ tasks: aSet({ tasks }) });
    const { engine } = harness;
    const queued = async () => (await engine.reads.queues())[0]?.queued;
    await engine.cancelJob(job.id);
    expect(await queued()).toBe(TASKS - SLICE);
    await engine.retryJob(job.id);
    await harness.settle();
    expect(await queued()).toBe(TASKS);
    await engine.cancelJob(job.id);
    await engine.retryJob(job.id);
    await engine.cancelJob(job.id);
    await harness.settle();
    expect(await queued()).toBe(0);
    expect(await harness.store.transact((tx) => tx.workItems(9))).toEqual([]);
  });

  it("goes on where it stopped when it is retried", async () => {
    await using harness = await EngineHarness.start({ settings: { sliceSize: SLICE } });
    const tasks = Array.from({ length: 25 }, (_, index) => `t${index}`);
    const { job } = await harness.submit({ tasks: aSet({ tasks }) });
    const runner = await harness.open({ credits: 1 });
    runner.fail("t0");
    await harness.settle();
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ status: "FAILED", error: { reason: "Broken" } });
    expect(runner.labels).toEqual(["t0"]);
    expect(await harness.engine.retryJob(job.id)).toMatchObject({ value: { requeuedTasks: 1 } });
    await harness.settle();
    expect((await runAll(harness, runner)).sort()).toEqual(["t0", ...tasks].sort());
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ status: "COMPLETED", counts: { COMPLETED: 25 } });
  });
});

it("a template's priority is inherited by subtasks that have none", async () => {
  await using harness = await EngineHarness.start();
  const set = { ...aSet("high"), templates: [aTemplate({ priority: 7 })] };
  await harness.submit({ tasks: set });
  const runner = await harness.open({ credits: 1 });
  runner.split("high", aSet("child"));
  await harness.settle();
  const child = await harness.engine.reads.task(runner.grantOf("child").taskId);
  expect(child).toMatchObject({ priority: 7, depth: 1 });
});
