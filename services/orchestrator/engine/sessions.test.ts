import { describe, expect, it } from "vitest";
import { EngineHarness } from "../testing/engine-harness.ts";
import { aSet } from "../testing/submissions.ts";
import { leaseOf, TestRunner } from "../testing/test-runner.ts";

const LEASE_MS = 30_000;

describe("a runner whose stream breaks", () => {
  it("resumes with the leases that both sides know; the others go back and count as nothing", async () => {
    await using harness = await EngineHarness.start();
    await harness.submit({ tasks: aSet("kept", "unknown") });
    const first = await harness.open({ credits: 2 });
    first.handle.lost();
    const { sessionId } = first.session;
    const second = await harness.open({ sessionId, leases: [leaseOf(first.grantOf("kept"))], credits: 1 });
    expect(second.session).toMatchObject({ resumed: true, sessionId, lostLeases: [] });
    expect(second.labels).toEqual(["unknown"]);
    const again = await harness.engine.reads.task(second.grantOf("unknown").taskId);
    expect(again).toMatchObject({ attempt: 2, crashes: 0, failures: 0 });
    second.handle.outcomes([
      { ...leaseOf(first.grantOf("kept")), result: { kind: "released" }, progress: [], display: "" },
    ]);
    await harness.settle();
    expect(second.acked).toMatchObject([{ rejection: null }]);
  });

  it("has its outcome answered again when only the answer was lost", async () => {
    await using harness = await EngineHarness.start();
    const { job } = await harness.submit();
    const first = await harness.open({ credits: 1 });
    first.compute("root");
    first.handle.lost();
    await harness.settle();
    expect(first.acked).toEqual([]);
    const lease = leaseOf(first.grantOf("root"));
    const second = await harness.open({ sessionId: first.session.sessionId, leases: [lease] });
    expect(second.session.lostLeases).toEqual([]);
    second.handle.outcomes([
      { ...lease, result: { kind: "computed", subtasks: null, parts: 0 }, progress: [], display: "" },
    ]);
    await harness.settle();
    expect(second.acked).toMatchObject([{ rejection: null }]);
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ status: "COMPLETED", counts: { COMPLETED: 1 } });
  });

  it("gets its tasks back after its lease has expired, as long as nobody has claimed them", async () => {
    await using harness = await EngineHarness.start();
    await harness.submit({ tasks: aSet("free", "claimed") });
    const first = await harness.open({ credits: 2 });
    first.handle.lost();
    await harness.advance(LEASE_MS + 2_000);
    await harness.open({ credits: 1 });
    const leases = first.granted.map(leaseOf);
    const back = await harness.open({ sessionId: first.session.sessionId, leases });
    expect(back.session).toMatchObject({ resumed: false, lostLeases: [leaseOf(first.grantOf("free"))] });
    const kept = await harness.engine.reads.task(first.grantOf("claimed").taskId);
    expect(kept).toMatchObject({ state: "RUNNING", crashes: 1, attempt: 1, sessionId: back.session.sessionId });
  });

  it("is superseded by a second stream of the same session, which alone is granted something, in the same batch too", async () => {
    await using harness = await EngineHarness.start();
    await harness.submit();
    const first = await harness.open({ credits: 3 });
    const { sessionId } = first.session;
    const second = await harness.open({ sessionId, credits: 1 });
    expect(first.closed).toMatchObject({ reason: "SESSION_SUPERSEDED" });
    expect(first.labels).toEqual(["root"]);
    expect(second.labels).toEqual(["root"]);
  });

  it("cannot resume what it ended, in the same batch too", async () => {
    await using harness = await EngineHarness.start();
    const first = await harness.open();
    first.handle.end();
    const second = await harness.open({ sessionId: first.session.sessionId });
    expect(second.session.resumed).toBe(false);
    const { items } = await harness.engine.reads.listSessions(null, { limit: 9, after: null });
    expect(items.map(({ session }) => session.id)).toEqual([second.session.sessionId]);
  });

  it("resumes in the batch in which its session would have expired", async () => {
    await using harness = await EngineHarness.start();
    await harness.submit();
    const first = await harness.open({ credits: 1 });
    first.handle.lost();
    await harness.advance(LEASE_MS - 1_000);
    const second = new TestRunner();
    const leases = first.granted.map(leaseOf);
    const opened = second.connect(harness.engine, { sessionId: first.session.sessionId, leases });
    harness.clock.advance(1_000);
    await opened;
    await harness.settle();
    expect(second.session).toMatchObject({ resumed: true, lostLeases: [] });
    expect(await harness.engine.reads.task(first.grantOf("root").taskId)).toMatchObject({
      state: "RUNNING",
      crashes: 0,
    });
    expect(second.closed).toBeNull();
  });
});

describe("leases", () => {
  it("last for their whole time from the last sign of life, however small the gain was", async () => {
    await using harness = await EngineHarness.start();
    await harness.submit();
    const silent = await harness.open({ credits: 1 });
    await harness.advance(LEASE_MS / 3 - 2_000);
    silent.handle.heartbeat();
    await harness.advance(LEASE_MS - 1_000);
    expect(silent.closed).toBeNull();
    await harness.advance(2_000);
    expect(silent.closed).toMatchObject({ reason: "UNAVAILABLE" });
  });

  it("last for their whole time from the last sign of life of a stream that broke", async () => {
    await using harness = await EngineHarness.start();
    await harness.submit();
    const runner = await harness.open({ credits: 1 });
    await harness.advance(5_000);
    runner.handle.heartbeat();
    runner.handle.lost();
    await harness.advance(LEASE_MS - 1_000);
    expect(await harness.engine.reads.task(runner.grantOf("root").taskId)).toMatchObject({ state: "RUNNING" });
    await harness.advance(2_000);
    expect(await harness.engine.reads.task(runner.grantOf("root").taskId)).toMatchObject({
      state: "QUEUED",
      crashes: 1,
    });
  });

  it("are spared while the orchestrator itself stood still", async () => {
    await using harness = await EngineHarness.start();
    await harness.submit();
    const runner = await harness.open({ credits: 1 });
    await harness.advance(1_000);
    harness.clock.jump(LEASE_MS * 2);
    await harness.settle();
    expect(runner.closed).toBeNull();
    await harness.advance(LEASE_MS + 2_000);
    expect(runner.closed).toMatchObject({ reason: "UNAVAILABLE" });
  });

  it("that are lost ten times fail the task", async () => {
    await using harness = await EngineHarness.start({ settings: { leaseDurationMs: 1_000 } });
    const { job } = await harness.submit();
    for (let crash = 0; crash < 10; crash++) {
      await harness.open({ credits: 1 });
      await harness.advance(2_500);
    }
    expect(await harness.engine.reads.job(job.id)).toMatchObject({
      status: "FAILED",
      error: { reason: "RUNNER_LOST" },
    });
    const failed = await harness.engine.reads.job(job.id);
    expect(await harness.engine.reads.task(failed?.failedTaskId ?? "")).toMatchObject({
      crashes: 10,
      failures: 0,
      attempt: 10,
    });
  });

  it("that a stale report names touch no other lease of the same task", async () => {
    await using harness = await EngineHarness.start();
    const { job } = await harness.submit();
    const runner = await harness.open({ credits: 2 });
    const stale = leaseOf(runner.grantOf("root"));
    const other = await harness.open();
    other.handle.outcomes([{ ...stale, result: { kind: "released" }, progress: [], display: "" }]);
    await harness.settle();
    runner.compute("root");
    runner.handle.progress([{ leaseToken: "superseded", taskId: stale.taskId, progress: [], display: "" }]);
    await harness.settle();
    expect(runner.revoked).toMatchObject([{ leaseToken: "superseded", reason: "LEASE_LOST" }]);
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ status: "COMPLETED" });
  });
});

describe("a runner that wants to stop", () => {
  it("gets nothing more once it drains", async () => {
    await using harness = await EngineHarness.start();
    const runner = await harness.open({ credits: 5 });
    runner.handle.drain();
    await harness.submit();
    expect(runner.labels).toEqual([]);
  });

  it("releases what it holds when it ends its stream, which counts as nothing", async () => {
    await using harness = await EngineHarness.start();
    await harness.submit();
    const first = await harness.open({ credits: 1 });
    first.handle.end();
    await harness.settle();
    const second = await harness.open({ credits: 1 });
    expect(second.granted).toMatchObject([{ label: "root", attempt: 2, failures: 0 }]);
    const { items } = await harness.engine.reads.listSessions(null, { limit: 9, after: null });
    expect(items).toMatchObject([{ session: { id: second.session.sessionId }, running: 1 }]);
  });
});

describe("what a runner is told", () => {
  it("is that nothing is left to do, once, when it asked for that", async () => {
    await using harness = await EngineHarness.start();
    const runner = await harness.open({ credits: 1, notifyIdle: true });
    const other = await harness.open({ credits: 1 });
    expect(runner.idles).toBe(1);
    await harness.submit({ tasks: aSet("mine", "others") });
    runner.compute("mine");
    await harness.settle();
    expect(runner.idles).toBe(1);
    other.compute("others");
    await harness.settle();
    expect(runner.idles).toBe(2);
    await harness.advance(5_000);
    expect([runner.idles, other.idles]).toEqual([2, 0]);
  });

  it("is not that, while a retry of a task that it could run waits", async () => {
    await using harness = await EngineHarness.start();
    const retry = { maxRetries: 1, initialBackoffMs: 5_000, multiplier: 2, maxBackoffMs: 9_000, jitter: 0 };
    await harness.submit({ tasks: aSet({ tasks: ["flaky"], retry }) });
    const runner = await harness.open({ credits: 1, notifyIdle: true });
    runner.fail("flaky");
    await harness.settle();
    await harness.advance(4_000);
    expect(runner.idles).toBe(0);
    await harness.advance(1_000);
    expect(runner.labels).toEqual(["flaky", "flaky"]);
  });

  it("is a ping at its interval", async () => {
    await using harness = await EngineHarness.start();
    const runner = await harness.open();
    await harness.advance(31_000);
    expect(runner.pings).toBe(2);
  });

  it("is to stop the tasks of a job that is canceled, whose results are kept all the same", async () => {
    await using harness = await EngineHarness.start();
    const { job } = await harness.submit();
    const runner = await harness.open({ credits: 1 });
    await harness.engine.cancelJob(job.id);
    expect(runner.revoked).toEqual([{ ...leaseOf(runner.grantOf("root")), reason: "JOB_CANCELED" }]);
    runner.split("root", aSet("child"));
    await harness.settle();
    expect(await harness.engine.reads.job(job.id)).toMatchObject({
      status: "CANCELED",
      counts: { COMPUTED: 1, QUEUED: 1 },
    });
    expect(runner.labels).toEqual(["root"]);
    await harness.engine.retryJob(job.id);
    await harness.settle();
    expect(runner.labels).toEqual(["root", "child"]);
  });

  it("is that an attempt ran too long, before it is granted the next one", async () => {
    await using harness = await EngineHarness.start();
    const retry = { maxRetries: 1, initialBackoffMs: 0, multiplier: 2, maxBackoffMs: 0, jitter: 0 };
    await harness.submit({ tasks: aSet({ tasks: ["slow"], attemptTimeoutMs: 2_500, retry }) });
    const runner = await harness.open({ credits: 2 });
    const first = leaseOf(runner.grantOf("slow"));
    await harness.advance(2_500);
    expect(runner.revoked).toEqual([{ ...first, reason: "ATTEMPT_TIMEOUT" }]);
    expect(runner.granted).toMatchObject([{ attempt: 1 }, { attempt: 2, failures: 1 }]);
    runner.handle.outcomes([{ ...first, result: { kind: "released" }, progress: [], display: "" }]);
    await harness.settle();
    expect(runner.acked).toMatchObject([{ rejection: { reason: "STALE_LEASE" } }]);
  });

  it("is to go away when the orchestrator stops, after its last outcomes were stored", async () => {
    await using harness = await EngineHarness.start();
    const { job } = await harness.submit();
    const runner = await harness.open({ credits: 1 });
    runner.compute("root");
    await harness.restart();
    expect(runner.goneAway).toHaveLength(1);
    expect(runner.acked).toMatchObject([{ rejection: null }]);
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ status: "COMPLETED" });
  });
});

describe("a hello is refused", () => {
  it.each([
    ["hello.runner_name must not be empty", { runnerName: "" }],
    ["hello.identifiers must hold at least one task identifier", { identifiers: [] }],
    ['hello.identifiers[0].version "1" must be of the form v1.2', { identifiers: [{ name: "A", version: "1" }] }],
    ["hello.credits is more than max_credits (10000)", { credits: 10_001 }],
    ['hello.cluster "nowhere" does not exist', { cluster: "nowhere" }],
  ])("%s", async (message, hello) => {
    await using harness = await EngineHarness.start();
    const result = await new TestRunner().connect(harness.engine, hello);
    expect(result).toMatchObject({ ok: false, rejection: { message } });
  });

  it("and a session that asks for too many credits, or reports what it must not, is closed", async () => {
    await using harness = await EngineHarness.start();
    await harness.submit();
    const greedy = await harness.open({ credits: 10_000 });
    greedy.handle.addCredits(2);
    expect(greedy.closed).toMatchObject({ reason: "PROTOCOL_VIOLATION" });
    const wrong = await harness.open();
    wrong.handle.progress([
      { taskId: "any", leaseToken: "any", progress: [{ label: "", total: -1, done: 0 }], display: "" },
    ]);
    expect(wrong.closed).toMatchObject({ reason: "PROTOCOL_VIOLATION" });
  });
});
