import { describe, expect, it } from "vitest";
import { type Store, StoreUnavailable } from "../store/store.ts";
import { EngineHarness } from "../testing/engine-harness.ts";
import { createFaultyStore } from "../testing/faulty-store.ts";
import { aJob, aSet } from "../testing/submissions.ts";
import { released, TestRunner } from "../testing/test-runner.ts";

/** Longer than the engine waits before it tries again. */
const RETRY_MS = 2_000;

describe("while the store is away", () => {
  it("callers are told so; what runners report is kept and acknowledged when it is back", async () => {
    const faulty = createFaultyStore();
    await using harness = await EngineHarness.start({ wrapStore: faulty.wrap });
    const { job } = await harness.submit({ tasks: aSet("a", "b") });
    const runner = await harness.open({ credits: 2 });
    faulty.isAway = true;
    runner.compute("a");
    const calls = [
      harness.engine.submitJob(aJob()),
      harness.engine.cancelJob(job.id),
      harness.engine.retryJob(job.id),
      new TestRunner().connect(harness.engine),
      harness.engine.createCluster({ slug: "new", displayName: "", description: "" }),
    ];
    for (const call of calls) await expect(call).rejects.toThrow(StoreUnavailable);
    runner.compute("b");
    await harness.settle();
    expect(runner.acked).toEqual([]);
    expect(runner.handle.pending()).toBe(2);
    faulty.isAway = false;
    await harness.advance(RETRY_MS);
    expect(runner.acked).toMatchObject([{ rejection: null }, { rejection: null }]);
    expect(runner.closed).toBeNull();
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ status: "COMPLETED", counts: { COMPLETED: 2 } });
    expect(await harness.engine.reads.clusters()).toHaveLength(1);
  });

  it("nobody loses a lease for it, however long it takes", async () => {
    const faulty = createFaultyStore();
    await using harness = await EngineHarness.start({ wrapStore: faulty.wrap });
    await harness.submit();
    const runner = await harness.open({ credits: 1 });
    faulty.isAway = true;
    runner.report("root", []);
    await harness.advance(harness.settings.leaseDurationMs * 2);
    faulty.isAway = false;
    await harness.advance(RETRY_MS);
    expect(runner.closed).toBeNull();
    runner.compute("root");
    await harness.settle();
    expect(runner.acked).toMatchObject([{ rejection: null }]);
  });

  it("nothing is granted, acknowledged or remembered of a step that was not committed", async () => {
    const faulty = createFaultyStore();
    await using harness = await EngineHarness.start({ wrapStore: faulty.wrap });
    const runner = await harness.open({ credits: 1 });
    faulty.failNextCommit = true;
    await expect(harness.engine.submitJob(aJob())).rejects.toThrow(StoreUnavailable);
    await harness.settle();
    expect(runner.labels).toEqual([]);
    await harness.advance(RETRY_MS);
    await harness.submit({ tasks: aSet("next") });
    expect(runner.labels).toEqual(["next"]);
    expect(await harness.engine.reads.queues()).toMatchObject([{ queued: 0, running: 1 }]);
  });

  it("an outcome that was not committed is applied once", async () => {
    const faulty = createFaultyStore();
    await using harness = await EngineHarness.start({ wrapStore: faulty.wrap });
    const { job } = await harness.submit();
    const runner = await harness.open({ credits: 1 });
    faulty.failNextCommit = true;
    runner.split("root", aSet("a", "b"));
    await harness.settle();
    expect(runner.acked).toEqual([]);
    await harness.advance(RETRY_MS);
    expect(runner.acked).toMatchObject([{ rejection: null }]);
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ counts: { COMPUTED: 1, RUNNING: 1, QUEUED: 1 } });
  });

  it("a stop does not wait for it", async () => {
    const faulty = createFaultyStore();
    await using harness = await EngineHarness.start({ wrapStore: faulty.wrap });
    await harness.submit();
    const runner = await harness.open({ credits: 1 });
    faulty.isAway = true;
    runner.compute("root");
    const submitted = harness.engine.submitJob(aJob());
    await expect(submitted).rejects.toThrow(StoreUnavailable);
    const late = harness.engine.submitJob(aJob());
    const refused = expect(late).rejects.toThrow(StoreUnavailable);
    await harness.engine.stop();
    await refused;
    faulty.isAway = false;
  });
});

describe("a store that does not answer", () => {
  const PATIENCE_MS = 10_000;

  it("lets nobody wait for longer than the patience, whether in the batch under way or behind it", async () => {
    const faulty = createFaultyStore();
    await using harness = await EngineHarness.start({ wrapStore: faulty.wrap });
    const goOn = faulty.hangNextCommit();
    const answers: string[] = [];
    const ask = (name: string) =>
      harness.engine.submitJob(aJob({ name })).then(
        () => answers.push(`${name} accepted`),
        (error: Error) => answers.push(`${name} ${error.name}`),
      );
    const asked = [ask("under way")];
    await harness.settle();
    await harness.advance(PATIENCE_MS / 2);
    asked.push(ask("behind"));
    await harness.advance(PATIENCE_MS / 2);
    expect(answers).toEqual(["under way StoreUnavailable"]);
    await harness.advance(PATIENCE_MS / 2);
    expect(answers).toEqual(["under way StoreUnavailable", "behind StoreUnavailable"]);
    asked.push(ask("last"));
    goOn("commit");
    await Promise.all(asked);
    expect(answers.at(-1)).toBe("last accepted");
    // Unavailable means that it is not known.
    expect(await namesOfJobs(harness)).toEqual(["last", "under way"]);
  });

  it("does not run again what its caller has given up; what runners reported is kept, and each gets its answer", async () => {
    const faulty = createFaultyStore();
    await using harness = await EngineHarness.start({ wrapStore: faulty.wrap });
    const { job } = await harness.submit({ name: "first", tasks: aSet("a", "b", "c", "d") });
    const runner = await harness.open({ credits: 2 });
    const goOn = faulty.hangNextCommit();
    runner.compute("a");
    runner.split("b", aSet("b1"));
    const refused = expect(harness.engine.submitJob(aJob())).rejects.toThrow(StoreUnavailable);
    await harness.settle();
    const canceled = expect(harness.engine.cancelJob(job.id)).rejects.toThrow(StoreUnavailable);
    await harness.advance(PATIENCE_MS);
    await refused;
    await canceled;
    expect(runner.acked).toEqual([]);
    goOn("run again");
    await harness.settle();
    expect(runner.acked).toMatchObject([{ rejection: null }, { rejection: null }]);
    expect(runner.labels).toEqual(["a", "b", "b1", "c"]);
    expect(await namesOfJobs(harness)).toEqual(["first"]);
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ status: "OPEN" });
    runner.compute("b1", "c");
    await harness.settle();
    runner.compute("d");
    await harness.settle();
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ status: "COMPLETED" });
  });

  it.each(["commit", "run again", "away"] as const)("costs nobody a lease when it ends with: %s", async (end) => {
    const faulty = createFaultyStore();
    await using harness = await EngineHarness.start({ wrapStore: faulty.wrap });
    const { job } = await harness.submit();
    const runner = await harness.open({ credits: 1 });
    const { leaseDurationMs } = harness.settings;
    for (let beats = 0; beats < 3; beats++) {
      await harness.advance(leaseDurationMs / 2);
      runner.handle.heartbeat();
    }
    const goOn = faulty.hangNextCommit();
    await harness.advance(leaseDurationMs * 2);
    goOn(end);
    await harness.advance(RETRY_MS);
    expect(runner.closed).toBeNull();
    runner.compute("root");
    await harness.settle();
    expect(runner.acked).toMatchObject([{ rejection: null }]);
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ counts: { COMPLETED: 1 } });
  });

  it("does not hold up a stop for longer than what is under way", async () => {
    const faulty = createFaultyStore();
    await using harness = await EngineHarness.start({ wrapStore: faulty.wrap });
    const goOn = faulty.hangNextCommit();
    const refused = expect(harness.engine.submitJob(aJob())).rejects.toThrow(StoreUnavailable);
    await harness.settle();
    const late = expect(harness.engine.submitJob(aJob())).rejects.toThrow(StoreUnavailable);
    const stopped = harness.engine.stop();
    goOn("away");
    await Promise.all([refused, late, stopped]);
  });
});

describe("a step that meets others again and again", () => {
  it("settles what was reported, and grants in the next one", async () => {
    const faulty = createFaultyStore();
    let retries = 0;
    await using harness = await EngineHarness.start({
      wrapStore: faulty.wrap,
      observer: { transactionRetried: () => retries++ },
    });
    await harness.submit({ tasks: aSet("a", "b") });
    const runner = await harness.open({ credits: 1 });
    const spare = await harness.open({ credits: 0 });
    harness.batches.length = 0;
    faulty.conflicts = 2;
    runner.compute("a");
    spare.handle.addCredits(1);
    await harness.settle();
    expect(retries).toBe(2);
    expect(harness.batches.map((batch) => [batch.tasksSettled, batch.grants])).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  it("grants all the same when it meets one of them once", async () => {
    const faulty = createFaultyStore();
    await using harness = await EngineHarness.start({ wrapStore: faulty.wrap });
    await harness.submit({ tasks: aSet("a", "b") });
    const runner = await harness.open({ credits: 1 });
    const spare = await harness.open({ credits: 0 });
    harness.batches.length = 0;
    faulty.conflicts = 1;
    runner.compute("a");
    spare.handle.addCredits(1);
    await harness.settle();
    expect(harness.batches[0]).toMatchObject({ tasksSettled: 1, grants: 1 });
  });
});

async function namesOfJobs(harness: EngineHarness): Promise<string[]> {
  const filter = { states: [], nameContains: "", submittedFrom: null, submittedUntil: null, cluster: null };
  return (await harness.engine.reads.listJobs(filter, { limit: 9, after: null })).items.map((job) => job.name);
}

/** The store of an engine with a bug: it throws at every report about the task `poison`. */
function poisoned(store: Store, onPoison: () => void): Store {
  return {
    ...store,
    transact: (body) =>
      store.transact((tx) =>
        body({
          ...tx,
          async loadTasks(ids) {
            if (!ids.includes("poison")) return tx.loadTasks(ids);
            onPoison();
            throw new Error("a bug");
          },
        }),
      ),
  };
}

const POISON = released({ taskId: "poison", leaseToken: "token" });

describe("a command that fails because of a bug", () => {
  it("does not take the others of its batch with it, and closes only its own session", async () => {
    const logged: string[] = [];
    const silent = () => {};
    const closed: string[] = [];
    await using harness = await EngineHarness.start({
      logger: { debug: silent, info: silent, warn: silent, error: (_fields, message) => logged.push(message) },
      observer: { sessionClosed: (_cluster, why) => closed.push(why) },
      wrapStore: (store) => poisoned(store, silent),
    });
    const { job } = await harness.submit();
    const good = await harness.open({ credits: 1 });
    const bad = await harness.open();
    good.compute("root");
    bad.handle.outcomes([POISON]);
    const submitted = harness.engine.submitJob(aJob());
    await harness.settle();
    expect(await submitted).toMatchObject({ ok: true });
    expect(good.acked).toMatchObject([{ rejection: null }]);
    expect(good.closed).toBeNull();
    expect(bad.closed).toMatchObject({ reason: "UNAVAILABLE" });
    expect(await harness.engine.reads.job(job.id)).toMatchObject({ status: "COMPLETED" });
    expect(logged).toContain("a command failed");
    expect(closed).toEqual(["lost"]);
  });

  it("does not cost the others of its batch their sessions when the store goes away meanwhile", async () => {
    const faulty = createFaultyStore();
    let poisonings = 0;
    await using harness = await EngineHarness.start({
      wrapStore: (store) =>
        poisoned(faulty.wrap(store), () => {
          poisonings++;
          faulty.isAway = poisonings === 1;
        }),
    });
    await harness.submit();
    const good = await harness.open({ credits: 1 });
    const bad = await harness.open();
    good.compute("root");
    bad.handle.outcomes([POISON]);
    await harness.settle();
    expect(good.acked).toEqual([]);
    faulty.isAway = false;
    await harness.advance(RETRY_MS);
    expect(bad.closed).toMatchObject({ reason: "UNAVAILABLE" });
    expect(good.acked).toMatchObject([{ rejection: null }]);
    expect(good.closed).toBeNull();
  });
});
