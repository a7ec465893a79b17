import { describe, expect, it } from "vitest";
import type { TaskState } from "../domain/records.ts";
import { EngineHarness } from "../testing/engine-harness.ts";
import { aSet } from "../testing/submissions.ts";

async function statesOf(harness: EngineHarness, jobId: string): Promise<Record<string, TaskState>> {
  const { items } = await harness.engine.reads.listTasks(
    { jobId, states: [], includeInput: true },
    { limit: 1_000, after: null },
  );
  return Object.fromEntries(items.map(({ task, input }) => [Buffer.from(input).toString(), task.state]));
}

/** In one slice, and in as many as possible. */
describe.each([1_000, 1])("optional tasks, in slices of %i", (sliceSize) => {
  const start = () => EngineHarness.start({ settings: { sliceSize } });

  it("fail alone when they are flagged themselves: what depends on them runs", async () => {
    await using harness = await start();
    const { job } = await harness.submit({
      tasks: aSet({ tasks: ["fail"], optional: true }, { tasks: ["behind"], dependsOn: [0] }),
    });
    const runner = await harness.open({ credits: 2 });
    runner.fail("fail");
    await harness.settle();
    runner.compute("behind");
    await harness.settle();
    expect(await statesOf(harness, job.id)).toEqual({ fail: "FAILED_OPTIONAL", behind: "COMPLETED" });
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ status: "COMPLETED", error: null });
  });

  it("lose what is still queued below them when something below them fails", async () => {
    await using harness = await start();
    const { job } = await harness.submit({
      tasks: aSet({ tasks: ["branch"], optional: true }, "beside", { tasks: ["behind"], dependsOn: [0] }),
    });
    const runner = await harness.open({ credits: 2 });
    runner.compute("beside");
    runner.split("branch", aSet("fail", { tasks: ["skip1", "skip2"], dependsOn: [0] }, "queued"));
    await harness.settle();
    expect(runner.labels).toEqual(["branch", "beside", "fail", "queued"]);
    runner.fail("fail");
    await harness.settle();
    // The one that runs may finish, with subtasks that are never run; only then the branch counts as done.
    runner.split("queued", aSet({ tasks: ["unborn1", "unborn2"] }, { tasks: ["unborn3"], dependsOn: [0] }));
    await harness.settle();
    expect(runner.labels.slice(4)).toEqual(["behind"]);
    runner.compute("behind");
    await harness.settle();
    expect(await statesOf(harness, job.id)).toEqual({
      branch: "COMPLETED",
      beside: "COMPLETED",
      behind: "COMPLETED",
      fail: "FAILED_OPTIONAL",
      queued: "COMPLETED",
      skip1: "SKIPPED",
      skip2: "SKIPPED",
      unborn1: "SKIPPED",
      unborn2: "SKIPPED",
      unborn3: "SKIPPED",
    });
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ status: "COMPLETED" });
  });

  it("bound the damage where they are nested: the nearest one decides", async () => {
    await using harness = await start();
    const { job } = await harness.submit({ tasks: aSet({ tasks: ["outer"], optional: true }) });
    const runner = await harness.open({ credits: 1 });
    runner.split("outer", aSet({ tasks: ["inner"], optional: true }, { tasks: ["after"], dependsOn: [0] }));
    await harness.settle();
    runner.split("inner", aSet("fail", { tasks: ["skip"], dependsOn: [0] }));
    await harness.settle();
    runner.fail("fail");
    await harness.settle();
    expect(runner.labels.at(-1)).toBe("after");
    runner.compute("after");
    await harness.settle();
    expect(await statesOf(harness, job.id)).toEqual({
      outer: "COMPLETED",
      inner: "COMPLETED",
      fail: "FAILED_OPTIONAL",
      skip: "SKIPPED",
      after: "COMPLETED",
    });
  });

  it("take optional tasks below them down with them", async () => {
    await using harness = await start();
    const { job } = await harness.submit({ tasks: aSet({ tasks: ["outer"], optional: true }) });
    const runner = await harness.open({ credits: 1 });
    runner.split("outer", aSet({ tasks: ["inner"], optional: true }, "fail"));
    await harness.settle();
    runner.split("inner", aSet("deep"));
    runner.handle.addCredits(1);
    await harness.settle();
    expect(runner.labels).toEqual(["outer", "inner", "deep", "fail"]);
    runner.release("deep");
    runner.fail("fail");
    await harness.settle();
    expect(await statesOf(harness, job.id)).toMatchObject({ inner: "COMPLETED", deep: "SKIPPED", outer: "COMPLETED" });
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ status: "COMPLETED" });
  });

  it("are retried first", async () => {
    await using harness = await start();
    const retry = { maxRetries: 1, initialBackoffMs: 0, multiplier: 2, maxBackoffMs: 0, jitter: 0 };
    const { job } = await harness.submit({ tasks: aSet({ tasks: ["fail"], optional: true, retry }) });
    const runner = await harness.open({ credits: 1 });
    runner.fail("fail");
    await harness.settle();
    expect(await statesOf(harness, job.id)).toEqual({ fail: "RUNNING" });
    runner.fail("fail");
    await harness.settle();
    expect(await statesOf(harness, job.id)).toEqual({ fail: "FAILED_OPTIONAL" });
  });
});
