import { describe, expect, it } from "vitest";
import { jobState } from "../domain/job-state.ts";
import type { ChangeEntry } from "../store/store.ts";
import { EngineHarness } from "../testing/engine-harness.ts";
import { aSet } from "../testing/submissions.ts";

/** Watches until the stream ends, or until as many entries have come. */
async function watch(
  harness: EngineHarness,
  jobId: string,
  after: string | null = null,
  most = Number.POSITIVE_INFINITY,
) {
  const entries: ChangeEntry[] = [];
  for await (const page of harness.engine.watchJob(jobId, after, new AbortController().signal)) {
    for (const entry of page) {
      entries.push(entry);
      if (entries.length === most) return entries;
    }
  }
  return entries;
}

async function runJob(harness: EngineHarness): Promise<string> {
  const { job } = await harness.submit();
  const runner = await harness.open({ credits: 2 });
  runner.split("root", aSet("a", { tasks: ["b"], dependsOn: [0] }));
  await harness.settle();
  runner.compute("a");
  await harness.settle();
  runner.compute("b");
  await harness.settle();
  return job.id;
}

describe("watching a job", () => {
  it("shows every step, in order, each once, and ends with the job", async () => {
    await using harness = await EngineHarness.start();
    const entries = await watch(harness, await runJob(harness));
    const states = entries.map((entry) => jobState(entry.job));
    expect(states).toEqual(["SUBMITTED", "RUNNING", "RUNNING", "RUNNING", "COMPLETED"]);
    const steps = entries.flatMap((entry) => entry.tasks.map(({ taskId, state }) => `${taskId.slice(-2)} ${state}`));
    expect(new Set(steps).size).toBe(steps.length);
    expect(entries.at(-1)?.tasks.map((task) => task.state)).toEqual(["COMPLETED", "COMPLETED"]);
  });

  it("is the same whether one watches while it runs, behind it, or with a break at any place", async () => {
    await using harness = await EngineHarness.start();
    const { job } = await harness.submit();
    const live = watch(harness, job.id);
    const runner = await harness.open({ credits: 2 });
    runner.split("root", aSet({ tasks: ["a", "b"] }));
    await harness.settle();
    runner.report("a", [{ label: "", total: 2, done: 1 }]);
    runner.compute("a");
    await harness.settle();
    runner.compute("b");
    await harness.settle();
    const whole = await live;
    expect(await watch(harness, job.id)).toEqual(whole);
    for (let cut = 1; cut < whole.length; cut++) {
      const first = await watch(harness, job.id, null, cut);
      const rest = await watch(harness, job.id, first.at(-1)?.position);
      expect([...first, ...rest]).toEqual(whole);
    }
  });

  it("reads the steps of a busy job together, and its end at once", async () => {
    await using harness = await EngineHarness.start();
    const { job } = await harness.submit();
    const changes = harness.engine.watchJob(job.id, null, new AbortController().signal);
    const pages = changes[Symbol.asyncIterator]();
    expect((await pages.next()).value).toHaveLength(1);
    const next = pages.next();
    const runner = await harness.open({ credits: 1 });
    runner.report("root", [{ label: "", total: 2, done: 1 }]);
    await harness.settle();
    runner.compute("root");
    expect((await next).value).toHaveLength(3);
    expect((await pages.next()).done).toBe(true);
  });

  it("goes on after the job has ended while a task of it runs", async () => {
    await using harness = await EngineHarness.start();
    const { job } = await harness.submit();
    const runner = await harness.open({ credits: 1 });
    let ended = false;
    const watching = watch(harness, job.id).finally(() => {
      ended = true;
    });
    await harness.engine.cancelJob(job.id);
    await harness.settle();
    expect(ended).toBe(false);
    runner.compute("root");
    const entries = await watching;
    expect(entries.at(-1)).toMatchObject({ job: { status: "CANCELED", counts: { COMPLETED: 1 } } });
  });

  it("shows a retry to a new watch with the last token", async () => {
    await using harness = await EngineHarness.start();
    const { job } = await harness.submit();
    await harness.engine.cancelJob(job.id);
    const before = await watch(harness, job.id);
    await harness.engine.retryJob(job.id);
    await harness.settle();
    const [next] = await watch(harness, job.id, before.at(-1)?.position, 1);
    expect(next).toMatchObject({ job: { status: "OPEN" } });
  });

  it("ends without an error when it is aborted", async () => {
    await using harness = await EngineHarness.start();
    const { job } = await harness.submit();
    const abort = new AbortController();
    const pages = harness.engine.watchJob(job.id, null, abort.signal)[Symbol.asyncIterator]();
    expect((await pages.next()).done).toBe(false);
    const next = pages.next();
    abort.abort();
    expect((await next).done).toBe(true);
  });

  it("ends for a job that is not there", async () => {
    await using harness = await EngineHarness.start();
    expect(await watch(harness, "none")).toEqual([]);
  });
});
