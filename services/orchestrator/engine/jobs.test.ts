import { describe, expect, it } from "vitest";
import { EngineHarness } from "../testing/engine-harness.ts";
import { aJob, aSet } from "../testing/submissions.ts";

const HOUR_MS = 3_600_000;

describe("a submission with an idempotency key", () => {
  const keyed = { idempotencyKey: "key", bodyDigest: "body" };

  it("gives the first job to whoever repeats it, and makes nothing", async () => {
    await using harness = await EngineHarness.start();
    const first = await harness.submit(keyed);
    const second = await harness.submit(keyed);
    expect(first.alreadyExisted).toBe(false);
    expect(second).toMatchObject({ alreadyExisted: true, job: { id: first.job.id, counts: { QUEUED: 1 } } });
  });

  it("makes one job of two that come at the same time", async () => {
    await using harness = await EngineHarness.start();
    const both = await Promise.all([harness.engine.submitJob(aJob(keyed)), harness.engine.submitJob(aJob(keyed))]);
    expect(new Set(both.map((one) => one.ok && one.value.job.id)).size).toBe(1);
    const { items } = await harness.engine.reads.listJobs(EVERYTHING, { limit: 9, after: null });
    expect(items).toHaveLength(1);
  });

  it("is refused with another body", async () => {
    await using harness = await EngineHarness.start();
    await harness.submit(keyed);
    const other = await harness.engine.submitJob(aJob({ ...keyed, bodyDigest: "other" }));
    expect(other).toMatchObject({ ok: false, rejection: { reason: "IDEMPOTENCY_CONFLICT" } });
  });

  it("is known after a restart", async () => {
    await using harness = await EngineHarness.start();
    const first = await harness.submit(keyed);
    await harness.restart();
    expect(await harness.submit(keyed)).toMatchObject({ alreadyExisted: true, job: { id: first.job.id } });
  });
});

const EVERYTHING = {
  states: [],
  nameContains: "",
  submittedFrom: null,
  submittedUntil: null,
  cluster: null,
} as const;

describe("what is refused", () => {
  it("leaves nothing behind", async () => {
    await using harness = await EngineHarness.start();
    const unknown = await harness.engine.submitJob(aJob({ tasks: aSet("a", { tasks: ["b"], cluster: "nowhere" }) }));
    expect(unknown).toMatchObject({
      rejection: { reason: "UNKNOWN_CLUSTER", message: 'tasks.templates[1].cluster "nowhere" does not exist' },
    });
    const { items } = await harness.engine.reads.listJobs(EVERYTHING, { limit: 9, after: null });
    expect(items).toEqual([]);
  });

  it("is to cancel or retry what does not exist, or has ended otherwise", async () => {
    await using harness = await EngineHarness.start();
    expect(await harness.engine.cancelJob("none")).toMatchObject({ rejection: { reason: "JOB_NOT_FOUND" } });
    expect(await harness.engine.retryJob("none")).toMatchObject({ rejection: { reason: "JOB_NOT_FOUND" } });
    const { job } = await harness.submit();
    expect(await harness.engine.retryJob(job.id)).toMatchObject({ rejection: { reason: "JOB_NOT_HALTED" } });
    const runner = await harness.open({ credits: 1 });
    runner.compute("root");
    await harness.settle();
    expect(await harness.engine.cancelJob(job.id)).toMatchObject({ rejection: { reason: "JOB_COMPLETED" } });
    expect(await harness.engine.retryJob(job.id)).toMatchObject({ rejection: { reason: "JOB_NOT_HALTED" } });
  });

  it.each([
    ["a cycle", aSet({ tasks: ["a"], dependsOn: [1] }, { tasks: ["b"], dependsOn: [0] }), "CYCLIC_DEPENDENCIES"],
    ["an unknown cluster", aSet({ tasks: ["a"], cluster: "nowhere" }), "UNKNOWN_CLUSTER"],
    ["a bad version", aSet({ tasks: ["a"], version: "1" }), "INVALID_VERSION"],
    ["a later part", { ...aSet("a"), firstGroup: 1 }, "INVALID_ARGUMENT"],
  ])("is an outcome with %s; the lease goes on", async (_what, subtasks, reason) => {
    await using harness = await EngineHarness.start();
    const { job } = await harness.submit();
    const runner = await harness.open({ credits: 1 });
    runner.split("root", subtasks);
    await harness.settle();
    expect(runner.acked).toMatchObject([{ rejection: { reason } }]);
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ counts: { RUNNING: 1, BLOCKED: 0, QUEUED: 0 } });
    runner.compute("root");
    await harness.settle();
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ status: "COMPLETED", counts: { COMPLETED: 1 } });
  });
});

describe("progress", () => {
  it("is summed over tasks, of which only the last attempt counts", async () => {
    await using harness = await EngineHarness.start();
    const retry = { maxRetries: 1, initialBackoffMs: 0, multiplier: 2, maxBackoffMs: 0, jitter: 0 };
    const { job } = await harness.submit({ tasks: aSet({ tasks: ["a", "b"], retry }) });
    const runner = await harness.open({ credits: 2 });
    runner.report("a", [{ label: "tiles", total: 8, done: 1 }]);
    runner.report("b", [{ label: "tiles", total: 4, done: 4 }], "busy");
    await harness.settle();
    const during = await harness.engine.reads.job(job.id);
    expect(during?.progress).toEqual([{ label: "tiles", total: 12, done: 5 }]);
    expect(await harness.engine.reads.task(runner.grantOf("b").taskId)).toMatchObject({ display: "busy" });
    runner.fail("a");
    await harness.settle();
    const after = await harness.engine.reads.job(job.id);
    expect(after?.progress).toEqual([{ label: "tiles", total: 4, done: 4 }]);
  });
});

describe("jobs that ended long ago", () => {
  it("are deleted with all that belongs to them, in slices; others stay", async () => {
    await using harness = await EngineHarness.start({ settings: { retentionMs: HOUR_MS, sliceSize: 3 } });
    const old = await harness.submit({ tasks: aSet({ tasks: ["a", "b", "c", "d", "e"] }) });
    await harness.engine.cancelJob(old.job.id);
    const open = await harness.submit();
    await harness.settle();
    harness.clock.jump(HOUR_MS - 1);
    await harness.settle();
    expect(await harness.engine.reads.job(old.job.id)).not.toBeNull();
    await harness.advance(1_000);
    expect(await harness.engine.reads.job(old.job.id)).toBeNull();
    const filter = { jobId: old.job.id, states: [], includeInput: false };
    expect((await harness.engine.reads.listTasks(filter, { limit: 9, after: null })).items).toEqual([]);
    expect(await harness.engine.reads.job(open.job.id)).toMatchObject({ status: "OPEN" });
    expect(await harness.engine.retryJob(old.job.id)).toMatchObject({ rejection: { reason: "JOB_NOT_FOUND" } });
  });

  it("are kept while a task of them runs", async () => {
    await using harness = await EngineHarness.start({
      settings: { retentionMs: HOUR_MS, leaseDurationMs: 2 * HOUR_MS },
    });
    const { job } = await harness.submit();
    const runner = await harness.open({ credits: 1 });
    await harness.engine.cancelJob(job.id);
    await harness.advance(1_000);
    harness.clock.jump(HOUR_MS);
    await harness.advance(1_000);
    runner.compute("root");
    await harness.settle();
    expect(runner.acked).toMatchObject([{ rejection: null }]);
    await harness.advance(2_000);
    expect(await harness.engine.reads.job(job.id)).toBeNull();
  });

  it("tell a late runner that its lease was superseded", async () => {
    await using harness = await EngineHarness.start({ settings: { retentionMs: HOUR_MS } });
    const { job } = await harness.submit({
      tasks: aSet({ tasks: Array.from({ length: 20 }, (_, index) => `t${index}`) }),
    });
    const runner = await harness.open({ credits: 1 });
    await harness.engine.cancelJob(job.id);
    runner.handle.lost();
    await harness.advance(40_000);
    harness.clock.jump(HOUR_MS);
    await harness.advance(1_000);
    expect(await harness.engine.reads.job(job.id)).toBeNull();
    const late = await harness.open();
    late.handle.outcomes([
      { ...runner.grantOf("t0"), result: { kind: "computed", subtasks: null, parts: 0 }, progress: [], display: "" },
    ]);
    await harness.settle();
    expect(late.acked).toMatchObject([{ rejection: { reason: "STALE_LEASE" } }]);
    expect(late.closed).toBeNull();
  });
});
