import { describe, expect, it } from "vitest";
import { jobState } from "../domain/job-state.ts";
import type { WorkItem } from "../domain/records.ts";
import type { ChangeEntry } from "../store/store.ts";
import { EngineHarness } from "../testing/engine-harness.ts";
import { aSet } from "../testing/submissions.ts";
import { computed, leaseOf, part } from "../testing/test-runner.ts";

/** Longer than the engine's beat. */
const BEAT_MS = 1_100;

describe("what one engine tells the others", () => {
  it("names the queues in which something is left to claim, and the jobs that changed", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    const { job } = await here.submit({ tasks: aSet("a", { tasks: ["b"], dependsOn: [0] }) });
    const [queue] = await here.engine.reads.queues();
    expect(there.shared?.heard).toEqual([
      { queueIds: [queue?.id], jobIds: [job.id], overJobIds: [], canceledJobIds: [] },
    ]);
    const runner = await here.open({ credits: 2 });
    runner.compute("a");
    await here.settle();
    expect(runner.labels).toEqual(["a", "b"]);
    await here.engine.cancelJob(job.id);
    await here.settle();
    expect(there.shared?.heard.slice(1)).toEqual([
      { queueIds: [], jobIds: [job.id], overJobIds: [], canceledJobIds: [] },
      // What became claimable was claimed in the same batch.
      { queueIds: [], jobIds: [job.id], overJobIds: [], canceledJobIds: [] },
      { queueIds: [], jobIds: [job.id], overJobIds: [], canceledJobIds: [job.id] },
    ]);
  });

  it("is nothing when nothing has changed for them", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    const runner = await here.open({ credits: 1 });
    await here.advance(20_000);
    runner.handle.heartbeat();
    await here.advance(20_000);
    expect(there.shared?.heard).toEqual([]);
  });
});

describe("a task that was submitted to another engine", () => {
  it("starts at once, in a queue that was not known here, too", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    const runner = await there.open({ credits: 9 });
    await here.submit({ tasks: aSet("a") });
    await here.submit({ tasks: aSet("b") });
    expect(runner.labels).toEqual(["a", "b"]);
    runner.compute("a", "b");
    await here.settle();
    expect(runner.acked).toMatchObject([{ rejection: null }, { rejection: null }]);
  });

  it("starts with the next beat when the wake-up is lost, in a queue that was not known here, too", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    const runner = await there.open({ credits: 9 });
    deafen(there);
    await here.submit({ tasks: aSet("a") });
    expect(runner.labels).toEqual([]);
    await here.advance(BEAT_MS);
    expect(runner.labels).toEqual(["a"]);
    await here.submit({ tasks: aSet("b") });
    await here.advance(BEAT_MS);
    expect(runner.labels).toEqual(["a", "b"]);
  });

  it("starts when anything may have happened", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    const runner = await there.open({ credits: 9 });
    deafen(there);
    await here.submit({ tasks: aSet("a") });
    hearAgain(there);
    there.shared?.rouse();
    await here.settle();
    expect(runner.labels).toEqual(["a"]);
  });

  it("is found although this engine has just found its queue empty", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    await here.submit({ tasks: aSet("first") });
    const runner = await there.open({ credits: 2 });
    for (let round = 0; round < 20; round++) {
      const submitted = here.submit({ tasks: aSet(`task ${round}`) });
      runner.compute(runner.labels.at(-1) ?? "");
      await submitted;
      expect(runner.labels).toHaveLength(round + 2);
    }
  });

  it("may be settled by an engine that does not know its queue", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    deafen(there);
    const { job } = await here.submit();
    const runner = await here.open({ credits: 1 });
    const lease = leaseOf(runner.grantOf("root"));
    const other = await there.open();
    other.handle.parts([part(lease, 0, aSet("child"))]);
    await here.settle();
    other.handle.outcomes([computed(lease, null, 1)]);
    await here.settle();
    expect(other.acked).toMatchObject([{ rejection: null }, { rejection: null }]);
    expect(await here.engine.reads.job(job.id)).toMatchObject({ counts: { COMPUTED: 1, QUEUED: 1 } });
  });

  it("starts when it is retried by an engine that does not know its queue", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    const runner = await there.open({ credits: 1 });
    deafen(there);
    const { job } = await here.submit();
    await here.engine.cancelJob(job.id);
    await there.engine.retryJob(job.id);
    await here.settle();
    expect(runner.labels).toEqual(["root"]);
  });

  it("is found although the batch that was under way meanwhile has found its queue empty", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    await here.submit({ tasks: aSet("first") });
    const runner = await there.open({ credits: 1 });
    expect(runner.labels).toEqual(["first"]);
    there.shared?.rouse();
    runner.handle.addCredits(1);
    await there.shared?.overtake(async () => {
      await here.submit({ tasks: aSet("second") });
    });
    await here.settle();
    expect(runner.labels).toEqual(["first", "second"]);
  });
});

describe("engines whose clocks differ", () => {
  it("keep children below their parents and in the order of submission, whichever unpacks a slice", async () => {
    await using here = await EngineHarness.startShared({ settings: { sliceSize: 2 }, idsAheadMs: 5_000 });
    await using there = await here.beside({ idsAheadMs: 0 });
    const names = Array.from({ length: 9 }, (_, index) => `t${index}`);
    const { job } = await there.submit();
    const runner = await here.open({ credits: 1 });
    runner.handle.drain();
    here.shared?.overtake(async () => {
      await there.advance(BEAT_MS);
    }, 1);
    runner.split("root", aSet({ tasks: names }));
    await here.settle();
    const [root] = runner.granted;
    const { items } = await here.engine.reads.listTasks(
      { jobId: job.id, parentId: root?.taskId ?? "", states: [], includeInput: true },
      { limit: 99, after: null },
    );
    const sorted = items.toSorted((a, b) => (a.task.id < b.task.id ? -1 : 1));
    expect(sorted.map(({ input }) => Buffer.from(input).toString())).toEqual(names);
    const sub = await there.open({ credits: 1 });
    sub.split("t0", aSet("below"));
    await here.settle();
    const below = await here.engine.reads.task(sub.grantOf("below").taskId);
    expect(below?.id.localeCompare(below.parentId ?? "")).toBe(1);
    expect((root?.taskId ?? "") > job.id).toBe(true);
  });
});

describe("a watch", () => {
  it("sees what happens at another engine, and its end", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    const { job } = await here.submit();
    const states: string[] = [];
    const watching = (async () => {
      for await (const page of there.engine.watchJob(job.id, null, new AbortController().signal)) {
        states.push(...page.map((entry: ChangeEntry) => jobState(entry.job)));
      }
    })();
    const runner = await here.open({ credits: 1 });
    await here.advance(50);
    expect(states).toEqual(["SUBMITTED", "RUNNING"]);
    runner.compute("root");
    await here.settle();
    await watching;
    expect(states).toEqual(["SUBMITTED", "RUNNING", "COMPLETED"]);
  });

  it("looks less often at a job that stays busy, until that is quiet", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    const { job } = await here.submit();
    const runner = await here.open({ credits: 1 });
    const seenAt: number[] = [];
    const abort = new AbortController();
    const watching = (async () => {
      for await (const _ of there.engine.watchJob(job.id, null, abort.signal)) seenAt.push(here.clock.now());
    })();
    await here.settle();
    const beginAt = here.clock.now();
    let done = 0;
    const report = async (ms: number) => {
      runner.report("root", [{ label: "", total: 1_000, done: ++done }]);
      await here.settle();
      await here.advance(ms);
    };
    for (let at = 0; at < 500; at += 10) await report(10);
    const gaps = seenAt.slice(1).map((at, index) => at - (seenAt[index] ?? 0));
    expect({ beginAt: seenAt[0], gaps }).toEqual({ beginAt, gaps: [20, 40, 80, 100, 100, 100] });
    await here.advance(100);
    await here.advance(100);
    await report(0);
    expect(seenAt.at(-1)).toBe(here.clock.now());
    await report(20);
    expect(seenAt.at(-1)).toBe(here.clock.now());
    abort.abort();
    await watching;
  });

  it("sees it with its own poll when the wake-up is lost", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    const { job } = await here.submit();
    deafen(there);
    const pages = there.engine.watchJob(job.id, null, new AbortController().signal)[Symbol.asyncIterator]();
    expect((await pages.next()).value).toHaveLength(1);
    const next = pages.next();
    await here.engine.cancelJob(job.id);
    await here.advance(BEAT_MS);
    expect((await next).value).toMatchObject([{ job: { status: "CANCELED" } }]);
  });
});

describe("a cancel at another engine", () => {
  async function runningThere() {
    const here = await EngineHarness.startShared();
    const there = await here.beside();
    const { job } = await here.submit();
    const runner = await there.open({ credits: 1 });
    const told = [{ ...leaseOf(runner.grantOf("root")), reason: "JOB_CANCELED" }];
    return { here, there, job, runner, told };
  }

  it("reaches the runners that are connected here", async () => {
    const { here, there, job, runner, told } = await runningThere();
    await using _here = here;
    await using _there = there;
    await here.engine.cancelJob(job.id);
    await here.settle();
    expect(runner.revoked).toEqual(told);
    runner.compute("root");
    await here.settle();
    expect(runner.acked).toMatchObject([{ rejection: null }]);
  });

  it("reaches them when anything may have happened", async () => {
    const { here, there, job, runner, told } = await runningThere();
    await using _here = here;
    await using _there = there;
    deafen(there);
    await here.engine.cancelJob(job.id);
    await here.settle();
    expect(runner.revoked).toEqual([]);
    hearAgain(there);
    there.shared?.rouse();
    await here.settle();
    expect(runner.revoked).toEqual(told);
  });

  it("reaches them with their next report, once", async () => {
    const { here, there, job, runner, told } = await runningThere();
    await using _here = here;
    await using _there = there;
    deafen(there);
    await here.engine.cancelJob(job.id);
    runner.report("root", []);
    await here.settle();
    runner.report("root", []);
    await here.settle();
    expect(runner.revoked).toEqual(told);
  });

  it("reaches a runner that was on its way from one engine to the other, behind its welcome", async () => {
    const { here, there, job, runner, told } = await runningThere();
    await using _here = here;
    await using _there = there;
    runner.handle.lost();
    await there.engine.cancelJob(job.id);
    const leases = [leaseOf(runner.grantOf("root"))];
    const moved = await here.open({ sessionId: runner.session.sessionId, leases });
    expect(moved.revoked).toEqual(told);
    expect(runner.revoked).toEqual([]);
  });

  it("tells nobody of a job that goes on again", async () => {
    const { here, there, job, runner } = await runningThere();
    await using _here = here;
    await using _there = there;
    const canceled = here.engine.cancelJob(job.id);
    const retried = here.engine.retryJob(job.id);
    await Promise.all([canceled, retried]);
    await here.settle();
    expect(runner.revoked).toEqual([]);
  });
});

describe("a runner that asks to be told when nothing is left", () => {
  it("is told when the last task has ended at another engine", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    await here.submit();
    const worker = await here.open({ credits: 1 });
    const waiting = await there.open({ notifyIdle: true });
    await here.advance(5_000);
    expect(waiting.idles).toBe(0);
    worker.compute("root");
    await here.settle();
    await here.advance(200);
    expect(waiting.idles).toBe(1);
    await here.advance(5_000);
    expect(waiting.idles).toBe(1);
  });

  it("is not told while it holds a task, nor when one is queued elsewhere that this engine has not heard of", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    deafen(there);
    await here.submit({ tasks: aSet("a", "b") });
    const blocker = await here.open({ credits: 1 });
    expect(blocker.labels).toEqual(["a"]);
    const runner = await there.open({ credits: 0, notifyIdle: true });
    await here.advance(BEAT_MS);
    expect(runner.idles).toBe(0);
    runner.handle.addCredits(1);
    await here.settle();
    expect(runner.labels).toEqual(["b"]);
    await here.advance(BEAT_MS);
    expect(runner.idles).toBe(0);
    runner.compute("b");
    await here.settle();
    await here.advance(BEAT_MS);
    expect(runner.idles).toBe(0);
    blocker.compute("a");
    await here.settle();
    await here.advance(BEAT_MS);
    expect(runner.idles).toBe(1);
  });

  it("is not told while a queue that nobody here knew holds something for it", async () => {
    await using here = await EngineHarness.startShared();
    await using there = await here.beside();
    deafen(there);
    await here.submit({ tasks: aSet({ tasks: ["new"], name: "New" }) });
    const idle = await there.open({ notifyIdle: true, identifiers: [{ name: "New", version: "v1.0" }] });
    await here.settle();
    await here.advance(200);
    expect(idle.idles).toBe(0);
  });

  it("is not told while background work may yet queue something", async () => {
    const item = { id: "unpack:x", kind: "unpack", jobId: "x", targetId: "x", cursor: null } as const;
    let items: readonly WorkItem[] = [item];
    await using here = await EngineHarness.startShared({
      wrapStore: (store) => ({
        ...store,
        transact: (body) => store.transact((tx) => body({ ...tx, workItems: async () => [...items] })),
      }),
    });
    const runner = await here.open({ notifyIdle: true });
    await here.advance(BEAT_MS);
    expect(runner.idles).toBe(0);
    items = [{ ...item, kind: "prune" }];
    await here.advance(BEAT_MS);
    expect(runner.idles).toBe(1);
  });

  it("is told again behind the next task", async () => {
    await using here = await EngineHarness.startShared();
    const runner = await here.open({ credits: 1, notifyIdle: true });
    await here.advance(200);
    expect(runner.idles).toBe(1);
    await here.submit();
    runner.compute("root");
    await here.settle();
    await here.advance(200);
    expect(runner.idles).toBe(2);
  });
});

describe("the depth of queues", () => {
  it("is that of the store, whoever changes it", async () => {
    const depths = new Map<string, number>();
    await using here = await EngineHarness.startShared();
    await using there = await here.beside({
      observer: { queueDepth: ({ name, queued, running }) => depths.set(name, queued + 10 * running) },
    });
    await here.submit({ tasks: aSet("a", "b", "c") });
    await there.submit({ tasks: aSet("d") });
    const runner = await there.open({ credits: 1 });
    await here.advance(BEAT_MS);
    expect(depths.get("Task")).toBe(13);
    runner.compute("a");
    await here.settle();
    await here.advance(BEAT_MS);
    expect(depths.get("Task")).toBe(12);
  });
});

function deafen(harness: EngineHarness): void {
  if (harness.shared !== null) harness.shared.hears = false;
}

function hearAgain(harness: EngineHarness): void {
  if (harness.shared !== null) harness.shared.hears = true;
}
