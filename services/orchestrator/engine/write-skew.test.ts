import { describe, expect, it } from "vitest";
import { EngineHarness } from "../testing/engine-harness.ts";
import type { SharedStore } from "../testing/shared-database.ts";
import { aSet } from "../testing/submissions.ts";
import { leaseOf, part, type TestRunner } from "../testing/test-runner.ts";

/**
 * Two engines decide at the same moment, each by what the other one is changing. Each test lets the step of one be overtaken by a step of the
 * other, between its reads and its commit.
 */

const OPTIONAL = { optional: true };

async function startTwo(settings = {}): Promise<{ here: EngineHarness; there: EngineHarness; ours: SharedStore }> {
  const here = await EngineHarness.startShared({ settings });
  const there = await here.beside();
  if (here.shared === null) throw new Error("the engine shares nothing");
  return { here, there, ours: here.shared };
}

/** A runner at each engine; `here` runs `mine`, `there` runs `theirs`, siblings below the optional task `branch`. */
async function startBranch(inner = false) {
  const { here, there, ours } = await startTwo();
  await here.submit({ tasks: aSet({ tasks: ["branch"], ...OPTIONAL }) });
  const mine = await here.open({ credits: 1 });
  mine.split("branch", inner ? aSet({ tasks: ["inner"], ...OPTIONAL }, "theirs") : aSet("mine", "theirs"));
  await here.settle();
  if (inner) {
    mine.split("inner", aSet("mine"));
    await here.settle();
  }
  expect(mine.labels.at(-1)).toBe("mine");
  const theirs = await there.open({ credits: 1 });
  expect(theirs.labels).toEqual(["theirs"]);
  mine.handle.drain();
  theirs.handle.drain();
  const failThere = async () => {
    theirs.fail("theirs");
    await there.settle();
    expect(theirs.acked).toMatchObject([{ rejection: null }]);
  };
  return { here, there, ours, mine, failThere };
}

describe("an optional branch that fails elsewhere", () => {
  it.each([false, true])(
    "skips a task that goes back to its queue at the same time (inside another one: %s)",
    async (inner) => {
      const { here, there, ours, mine, failThere } = await startBranch(inner);
      await using _here = here;
      await using _there = there;
      const overtaken = ours.overtake(failThere);
      mine.release("mine");
      await overtaken;
      await here.settle();
      expect(await here.engine.reads.task(mine.grantOf("mine").taskId)).toMatchObject({ state: "SKIPPED" });
      expect(await here.engine.reads.task(mine.grantOf("branch").taskId)).toMatchObject({ state: "COMPLETED" });
    },
  );

  it("skips subtasks that are made at the same time", async () => {
    const { here, there, ours, mine, failThere } = await startBranch();
    await using _here = here;
    await using _there = there;
    const overtaken = ours.overtake(failThere);
    mine.split("mine", aSet("a", { tasks: ["b"], dependsOn: [0] }));
    await overtaken;
    await here.settle();
    expect(await here.engine.reads.task(mine.grantOf("branch").taskId)).toMatchObject({ state: "COMPLETED" });
  });

  it("skips subtasks that are unpacked at the same time", async () => {
    const { here, there, ours } = await startTwo({ sliceSize: 3 });
    await using _here = here;
    await using _there = there;
    await here.submit({ tasks: aSet({ tasks: ["branch"], ...OPTIONAL }) });
    const mine = await here.open({ credits: 1 });
    const theirs = await there.open();
    const overtaken = ours.overtake(async () => {
      theirs.handle.addCredits(1);
      await there.settle();
      theirs.handle.drain();
      theirs.fail("t0");
      await there.settle();
    }, 1);
    mine.handle.drain();
    mine.split("branch", aSet({ tasks: ["t0", "t1", "t2", "t3", "t4", "t5"] }));
    await overtaken;
    await here.settle();
    expect(theirs.acked).toMatchObject([{ rejection: null }]);
    expect(await here.engine.reads.task(mine.grantOf("branch").taskId)).toMatchObject({ state: "COMPLETED" });
  });
});

describe("a group that is unpacked", () => {
  it("is released whole, although what it waited for ended at the same time", async () => {
    const { here, there, ours } = await startTwo({ sliceSize: 3 });
    await using _here = here;
    await using _there = there;
    const { job } = await here.submit();
    const mine = await here.open({ credits: 1 });
    const theirs = await there.open();
    const overtaken = ours.overtake(async () => {
      theirs.handle.addCredits(9);
      await there.settle();
      theirs.compute("first");
      await there.settle();
    }, 1);
    mine.handle.drain();
    mine.split("root", aSet("first", { tasks: ["a", "b", "c", "d", "e"], dependsOn: [0] }));
    await overtaken;
    await here.settle();
    expect(theirs.labels).toEqual(["first", "a", "b", "c", "d", "e"]);
    expect(await here.engine.reads.job(job.id)).toMatchObject({ counts: { BLOCKED: 0 } });
  });
});

describe("a session that is taken over elsewhere", () => {
  it("is granted nothing by the engine that it left at the same time", async () => {
    const { here, there, ours } = await startTwo();
    await using _here = here;
    await using _there = there;
    const before = await here.open({ credits: 1 });
    const { sessionId } = before.session;
    const moved: TestRunner[] = [];
    const overtaken = ours.overtake(async () => {
      moved.push(await there.open({ sessionId, credits: 1 }));
    });
    await here.submit();
    await overtaken;
    await here.settle();
    expect(before.labels).toEqual([]);
    expect(moved.flatMap((runner) => runner.labels)).toEqual(["root"]);
    expect(before.closed).toMatchObject({ reason: "SESSION_SUPERSEDED" });
  });
});

describe("an attempt that ends elsewhere", () => {
  /** The runner of `root` has gone to the other engine, but what it said here before is still on its way. */
  async function movedRoot() {
    const { here, there, ours } = await startTwo();
    const { job } = await here.submit();
    const before = await here.open({ credits: 1 });
    const lease = leaseOf(before.grantOf("root"));
    const release = async () => {
      const leases = [lease];
      const after = await there.open({ sessionId: before.session.sessionId, leases });
      after.handle.drain();
      after.handle.outcomes([{ ...lease, result: { kind: "released" }, progress: [], display: "" }]);
      await there.settle();
      expect(after.acked).toMatchObject([{ rejection: null }]);
    };
    return { here, there, ours, job, before, lease, release };
  }

  it("leaves no part behind that is staged at the same time", async () => {
    const { here, there, ours, before, lease, release } = await movedRoot();
    await using _here = here;
    await using _there = there;
    const overtaken = ours.overtake(release);
    before.handle.parts([part(lease, 0, aSet("a"))]);
    await overtaken;
    await here.settle();
    expect(await here.store.transact((tx) => tx.stagedParts(lease.taskId, lease.leaseToken))).toEqual([]);
  });

  it("writes no value at the same time", async () => {
    const { here, there, ours, job, lease, release } = await movedRoot();
    await using _here = here;
    await using _there = there;
    const begun = await here.engine.putCacheValue({ jobId: job.id, key: "key", writer: lease });
    if (!begun.ok) throw new Error(begun.rejection.message);
    await begun.value.append(Buffer.from("late"));
    const overtaken = ours.overtake(release);
    expect(await begun.value.finish()).toMatchObject({ ok: false, rejection: { reason: "STALE_LEASE" } });
    await overtaken;
    expect(await here.engine.reads.cacheValue(job.id, "key")).toBeNull();
  });

  it("deletes no value at the same time", async () => {
    const { here, there, ours, job, lease, release } = await movedRoot();
    await using _here = here;
    await using _there = there;
    const begun = await here.engine.putCacheValue({ jobId: job.id, key: "key", writer: null });
    if (!begun.ok) throw new Error(begun.rejection.message);
    await begun.value.finish();
    const overtaken = ours.overtake(release);
    const target = { jobId: job.id, key: "key", isPrefix: false, writer: lease };
    expect(await here.engine.deleteCacheValues(target)).toMatchObject({ rejection: { reason: "STALE_LEASE" } });
    await overtaken;
    expect(await here.engine.reads.cacheValue(job.id, "key")).not.toBeNull();
  });
});
