import { describe, expect, it } from "vitest";
import type { TaskSet } from "../domain/submission.ts";
import type { LeaseRef } from "../engine/api.ts";
import { EngineHarness } from "../testing/engine-harness.ts";
import { aJob, aSet } from "../testing/submissions.ts";
import { computed, failed, part, type TestRunner } from "../testing/test-runner.ts";

/** The set as a later part that begins at this group. */
function from(firstGroup: number, set: TaskSet): TaskSet {
  return { ...set, firstGroup };
}

async function staged(harness: EngineHarness, lease: LeaseRef): Promise<number> {
  return (await harness.store.transact((tx) => tx.stagedParts(lease.taskId, lease.leaseToken))).length;
}

async function startWithRoot(settings = {}): Promise<{ harness: EngineHarness; runner: TestRunner; jobId: string }> {
  const harness = await EngineHarness.start({ settings });
  const { job } = await harness.submit();
  return { harness, runner: await harness.open({ credits: 1 }), jobId: job.id };
}

describe("subtasks in parts", () => {
  it("exist when the outcome that counts them is accepted, and not before", async () => {
    const { harness, runner, jobId } = await startWithRoot();
    await using _stop = harness;
    const root = runner.grantOf("root");
    runner.handle.parts([part(root, 0, aSet("a", { tasks: ["b1"], dependsOn: [0] }))]);
    runner.handle.parts([part(root, 1, from(1, aSet({ tasks: ["b2"] }, { tasks: ["c"], dependsOn: [1] })))]);
    await harness.settle();
    expect(runner.acked).toMatchObject([
      { part: 0, rejection: null },
      { part: 1, rejection: null },
    ]);
    expect(await harness.engine.reads.job(jobId)).toMatchObject({ counts: { RUNNING: 1, QUEUED: 0, BLOCKED: 0 } });
    runner.handle.outcomes([computed(root, from(3, aSet("d")), 2)]);
    await harness.settle();
    expect(await harness.engine.reads.job(jobId)).toMatchObject({
      counts: { COMPUTED: 1, RUNNING: 1, QUEUED: 1, BLOCKED: 3 },
    });
    for (const label of ["a", "b1", "b2", "c", "d"]) {
      runner.compute(label);
      await harness.settle();
    }
    expect(runner.labels).toEqual(["root", "a", "b1", "b2", "c", "d"]);
    expect(await harness.engine.reads.job(jobId)).toMatchObject({ status: "COMPLETED" });
    expect(await staged(harness, root)).toBe(0);
  });

  const wrong: readonly (readonly [what: string, parts: readonly TaskSet[], inline: TaskSet | null, count: number])[] =
    [
      ["counts one that has not come", [aSet("a")], null, 2],
      ["counts none of those that have come", [aSet("a")], null, 0],
      ["has subtasks and counts none of those that have come", [aSet("a")], aSet("b"), 0],
      ["leaves a gap between groups", [aSet("a")], from(2, aSet("b")), 1],
      ["goes on with a group that is not the last", [aSet("a", "b")], from(0, aSet("c")), 1],
      [
        "goes on with a group under new dependencies",
        [aSet("a", "b")],
        from(1, aSet({ tasks: ["c"], dependsOn: [0] })),
        1,
      ],
      [
        "closes a circle over parts",
        [aSet({ tasks: ["a"], dependsOn: [1] })],
        from(1, aSet({ tasks: ["b"], dependsOn: [0] })),
        1,
      ],
      ["names a group that never comes", [aSet({ tasks: ["a"], dependsOn: [5] })], null, 1],
    ];
  it.each(wrong)("are refused when the outcome %s; the lease goes on", async (_what, parts, inline, count) => {
    const { harness, runner, jobId } = await startWithRoot();
    await using _stop = harness;
    const root = runner.grantOf("root");
    runner.handle.parts(parts.map((set, number) => part(root, number, set)));
    runner.handle.outcomes([computed(root, inline, count)]);
    await harness.settle();
    const answer = runner.acked.at(-1);
    expect(answer?.part).toBeUndefined();
    expect(["INVALID_OUTCOME", "CYCLIC_DEPENDENCIES", "INVALID_DEPENDENCY"]).toContain(answer?.rejection?.reason);
    expect(await harness.engine.reads.job(jobId)).toMatchObject({ counts: { RUNNING: 1, COMPUTED: 0, QUEUED: 0 } });
    runner.handle.outcomes([failed(root)]);
    await harness.settle();
    expect(await staged(harness, root)).toBe(0);
  });

  it("are the same when a part is sent again", async () => {
    const { harness, runner, jobId } = await startWithRoot();
    await using _stop = harness;
    const root = runner.grantOf("root");
    runner.handle.parts([part(root, 0, aSet("a")), part(root, 0, aSet("a"))]);
    runner.handle.outcomes([computed(root, null, 1)]);
    runner.handle.parts([part(root, 0, aSet("a"))]);
    await harness.settle();
    expect(runner.acked.map((ack) => ack.rejection)).toEqual([null, null, null, null]);
    expect(await harness.engine.reads.job(jobId)).toMatchObject({ counts: { COMPUTED: 1, RUNNING: 1, QUEUED: 0 } });
  });

  it("may be sealed over another stream by the runner that came back", async () => {
    const { harness, runner, jobId } = await startWithRoot();
    await using _stop = harness;
    const root = runner.grantOf("root");
    runner.handle.parts([part(root, 0, aSet("a"))]);
    await harness.settle();
    runner.handle.lost();
    const back = await harness.open({ sessionId: runner.session.sessionId, leases: [root] });
    back.handle.outcomes([computed(root, null, 0)]);
    await harness.settle();
    expect(back.acked).toMatchObject([{ rejection: { reason: "INVALID_OUTCOME" } }]);
    back.handle.outcomes([computed(root, null, 1)]);
    await harness.settle();
    expect(await harness.engine.reads.job(jobId)).toMatchObject({ counts: { COMPUTED: 1, RUNNING: 1 } });
    expect(back.labels).toEqual(["a"]);
  });

  const ends: readonly (readonly [what: string, end: (harness: EngineHarness, runner: TestRunner) => Promise<void>])[] =
    [
      ["fails", async (_harness, runner) => runner.fail("root")],
      ["is released", async (_harness, runner) => runner.release("root")],
      ["ends with its session", async (_harness, runner) => runner.handle.end()],
      [
        "is not listed any more",
        async (harness, runner) => {
          await harness.open({ sessionId: runner.session.sessionId });
        },
      ],
      [
        "is claimed again after its lease expired",
        async (harness) => {
          await harness.advance(32_000);
          await harness.open({ credits: 1 });
        },
      ],
      ["is lost too often", (harness) => harness.advance(32_000)],
    ];
  it.each(ends)("leave nothing behind when the attempt %s", async (what, end) => {
    const { harness, runner } = await startWithRoot(what === "is lost too often" ? { maxCrashes: 1 } : {});
    await using _stop = harness;
    const root = runner.grantOf("root");
    runner.handle.parts([part(root, 0, aSet("a"))]);
    await harness.settle();
    expect(await staged(harness, root)).toBe(1);
    await end(harness, runner);
    await harness.settle();
    expect(await staged(harness, root)).toBe(0);
  });
});

describe("many subtasks", () => {
  const PART = 5_000;

  /** Submits a chain of this many subtasks in parts, each depending on the one before. */
  async function submitChain(harness: EngineHarness, runner: TestRunner, length: number): Promise<void> {
    const root = runner.grantOf("root");
    for (let first = 0; first < length; first += PART) {
      const shapes = Array.from({ length: Math.min(PART, length - first) }, (_, offset) => first + offset);
      const set = aSet(...shapes.map((index) => ({ tasks: [`${index}`], dependsOn: index === 0 ? [] : [index - 1] })));
      const groups = set.groups.map((group) => ({
        ...group,
        tasks: group.tasks.map((task) => ({ ...task, template: 0 })),
      }));
      runner.handle.parts([
        part(root, first / PART, { templates: set.templates.slice(0, 1), groups, firstGroup: first }),
      ]);
      await harness.settle();
    }
    runner.handle.outcomes([computed(root, null, Math.ceil(length / PART))]);
    await harness.settle();
  }

  it.each([10_000, 100_000])("in a chain of %i: each starts when the one before is done", async (length) => {
    const { harness, runner, jobId } = await startWithRoot();
    await using _stop = harness;
    await submitChain(harness, runner, length);
    expect(runner.acked.every((ack) => ack.rejection === null)).toBe(true);
    expect(await harness.engine.reads.job(jobId)).toMatchObject({
      counts: { COMPUTED: 1, RUNNING: 1, QUEUED: 0, BLOCKED: length - 1 },
    });
    // All of it in the shorter chain; enough to see that the longer one does not slow down in the other.
    for (let index = 0; index < 10_000; index++) {
      runner.compute(`${index}`);
      await harness.settle();
    }
    const labels = runner.labels.slice(1);
    expect(labels.every((label, index) => label === `${index}`)).toBe(true);
    expect(labels).toHaveLength(Math.min(length, 10_001));
    if (length === 10_000) {
      expect(await harness.engine.reads.job(jobId)).toMatchObject({
        status: "COMPLETED",
        counts: { COMPLETED: 10_001 },
      });
    }
  });

  it("in one submission that is larger than a slice, and halted while it is unpacked", async () => {
    await using harness = await EngineHarness.start({ settings: { sliceSize: 100 } });
    const tasks = Array.from({ length: 2_500 }, (_, index) => `${index}`);
    const submitted = harness.engine.submitJob(aJob({ tasks: aSet({ tasks }, { tasks: ["join"], dependsOn: [0] }) }));
    const result = await submitted;
    if (!result.ok) throw new Error(result.rejection.message);
    const { id } = result.value.job;
    await harness.engine.cancelJob(id);
    await harness.settle();
    expect(await harness.engine.reads.job(id)).toMatchObject({ counts: { QUEUED: 2_500, BLOCKED: 1 } });
    expect(await harness.engine.reads.queues()).toMatchObject([{ queued: 0, running: 0 }]);
    await harness.engine.retryJob(id);
    await harness.settle();
    expect(await harness.engine.reads.queues()).toMatchObject([{ queued: 2_500, running: 0 }]);
  });
});
