import { describe, expect, it } from "vitest";
import { EngineHarness } from "../testing/engine-harness.ts";
import { createFaultyStore } from "../testing/faulty-store.ts";
import { aSet } from "../testing/submissions.ts";
import { computed, leaseOf } from "../testing/test-runner.ts";

const LEASE_MS = 30_000;
const ALL = { limit: 999, after: null };
/** Longer than the engine's beat. */
const BEAT_MS = 1_100;

describe("a session that goes to another engine", () => {
  it("keeps its leases; nothing runs twice, and what was reported before is answered again", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    const { job } = await here.submit({ tasks: aSet("done", "kept", "unheard") });
    const before = await here.open({ credits: 3 });
    before.compute("done");
    before.handle.lost();
    await here.settle();
    const leases = ["done", "kept"].map((label) => leaseOf(before.grantOf(label)));
    const after = await there.open({ sessionId: before.session.sessionId, leases, credits: 1 });
    expect(after.session).toMatchObject({ resumed: true, sessionId: before.session.sessionId, lostLeases: [] });
    expect(after.labels).toEqual(["unheard"]);
    after.handle.outcomes(leases.map((lease) => computed(lease)));
    after.compute("unheard");
    await here.settle();
    expect(after.acked.map((ack) => ack.rejection)).toEqual([null, null, null]);
    const ended = await here.engine.reads.job(job.id);
    expect(ended).toMatchObject({ status: "COMPLETED", counts: { COMPLETED: 3 } });
    const { items } = await here.engine.reads.listTasks({ jobId: job.id, states: [], includeInput: true }, ALL);
    const attempts = items.map(({ task, input }) => [Buffer.from(input).toString(), task.attempt, task.crashes]);
    expect(attempts).toEqual([
      ["done", 1, 0],
      ["kept", 1, 0],
      ["unheard", 2, 0],
    ]);
  });

  it("is noticed here at the next renewal, while the old stream still speaks", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    const closed: string[] = [];
    await using third = await here.beside({ observer: { sessionClosed: (_cluster, why) => closed.push(why) } });
    await here.submit();
    const before = await third.open({ credits: 1 });
    const lease = leaseOf(before.grantOf("root"));
    const after = await there.open({ sessionId: before.session.sessionId, leases: [lease] });
    expect(before.closed).toBeNull();
    for (let beats = 0; beats < 11; beats++) {
      await here.advance(1_000);
      before.handle.heartbeat();
      after.handle.heartbeat();
    }
    expect(before.closed).toMatchObject({ reason: "SESSION_SUPERSEDED" });
    expect(closed).toEqual(["superseded"]);
    after.handle.outcomes([computed(lease)]);
    await here.settle();
    expect(after.acked).toMatchObject([{ rejection: null }]);
    expect(after.closed).toBeNull();
  });

  it("is noticed here when its time is over, when the old stream is silent", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    const before = await here.open();
    const after = await there.open({ sessionId: before.session.sessionId });
    for (let beats = 0; beats < 32; beats++) {
      await here.advance(1_000);
      after.handle.heartbeat();
    }
    expect(before.closed).toMatchObject({ reason: "SESSION_SUPERSEDED" });
    expect(after.closed).toBeNull();
  });
});

describe("an engine that stops", () => {
  it("leaves to the others when it has last heard of its runners", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    await here.submit();
    const runner = await there.open({ credits: 1 });
    await here.advance(LEASE_MS / 3 - 1_000);
    runner.handle.heartbeat();
    await here.advance(1_000);
    await there.engine.stop();
    await here.advance(LEASE_MS - 2_000);
    expect(await here.engine.reads.task(runner.grantOf("root").taskId)).toMatchObject({ state: "RUNNING" });
    await here.advance(3_000);
    expect(await here.engine.reads.task(runner.grantOf("root").taskId)).toMatchObject({ state: "QUEUED" });
  });
});

describe("an engine that dies", () => {
  it("leaves its sessions to the others, who give them up when nobody comes back", async () => {
    await using here = await EngineHarness.startShared();
    const there = await here.beside();
    await here.submit();
    const gone = await there.open({ credits: 1 });
    const runner = await here.open({ credits: 1 });
    await here.advance(LEASE_MS / 2);
    runner.handle.heartbeat();
    gone.handle.heartbeat();
    await here.advance(LEASE_MS / 2);
    await there.kill();
    for (let beats = 0; beats < LEASE_MS / 1_000 + 2; beats++) {
      runner.handle.heartbeat();
      await here.advance(1_000);
    }
    expect(runner.labels).toEqual(["root"]);
    const task = await here.engine.reads.task(runner.grantOf("root").taskId);
    expect(task).toMatchObject({ attempt: 2, crashes: 1 });
    const { items } = await here.engine.reads.listSessions(null, ALL);
    expect(items.map(({ session }) => session.id)).toEqual([runner.session.sessionId]);
  });

  it("leaves its work to the others", async () => {
    await using here = await EngineHarness.startShared({ settings: { sliceSize: 2 } });
    const there = await here.beside();
    const { job } = await here.submit();
    const runner = await there.open({ credits: 1 });
    runner.handle.drain();
    let killed: Promise<void> | null = null;
    there.shared?.overtake(async () => {
      killed = there.kill();
    }, 1);
    runner.split("root", aSet({ tasks: Array.from({ length: 9 }, (_, index) => `t${index}`) }));
    await here.settle();
    await killed;
    expect((await here.engine.reads.job(job.id))?.counts.QUEUED).toBeLessThan(9);
    await here.advance(BEAT_MS);
    expect(await here.engine.reads.job(job.id)).toMatchObject({ counts: { COMPUTED: 1, QUEUED: 9 } });
  });

  it("is found to have been given up when it was only away", async () => {
    const faulty = createFaultyStore();
    await using here = await EngineHarness.startShared();
    await using there = await here.beside({ wrapStore: faulty.wrap });
    const { job } = await here.submit();
    const away = await there.open({ credits: 1 });
    await here.advance(LEASE_MS / 2);
    away.handle.heartbeat();
    await here.advance(LEASE_MS / 2);
    faulty.isAway = true;
    for (let beats = 0; beats < LEASE_MS / 1_000 + 2; beats++) {
      away.handle.heartbeat();
      await here.advance(1_000);
    }
    expect(away.closed).toBeNull();
    faulty.isAway = false;
    away.handle.heartbeat();
    await here.advance(3_000);
    expect(away.closed).toMatchObject({ reason: "SESSION_SUPERSEDED" });
    // Nobody has claimed the task since.
    const back = await here.open({ sessionId: away.session.sessionId, leases: [leaseOf(away.grantOf("root"))] });
    expect(back.session.lostLeases).toEqual([]);
    back.handle.outcomes([computed(leaseOf(away.grantOf("root")))]);
    await here.settle();
    expect(await here.engine.reads.job(job.id)).toMatchObject({ status: "COMPLETED" });
  });
});

it("what is due but another engine's to do is looked after again, without a hurry", async () => {
  let hides = true;
  await using here = await EngineHarness.startShared({
    wrapStore: (store) => ({
      ...store,
      transact: (body) =>
        store.transact((tx) => body({ ...tx, dueTasks: async (now, limit) => (hides ? [] : tx.dueTasks(now, limit)) })),
    }),
  });
  const retry = { maxRetries: 1, initialBackoffMs: 500, multiplier: 1, maxBackoffMs: 500, jitter: 0 };
  await here.submit({ tasks: aSet({ tasks: ["root"], retry }) });
  const runner = await here.open({ credits: 1 });
  runner.fail("root");
  await here.settle();
  here.batches.length = 0;
  await here.advance(2_000);
  expect(runner.labels).toEqual(["root"]);
  expect(here.batches.length).toBeLessThan(25);
  hides = false;
  await here.advance(200);
  expect(runner.labels).toEqual(["root", "root"]);
});
