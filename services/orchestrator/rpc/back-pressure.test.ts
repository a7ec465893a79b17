import { describe, expect, it } from "vitest";
import { DEFAULT_SETTINGS } from "../engine/settings.ts";
import { JobState } from "../gen/taskgrove/v1/job.ts";
import { RunnerServiceService } from "../gen/taskgrove/v1/runner.ts";
import { RawClient } from "../testing/raw-client.ts";
import { leaseOf, RawRunner } from "../testing/raw-runner.ts";
import { getJob, submit } from "../testing/requests.ts";
import { startTestOrchestrator } from "../testing/test-orchestrator.ts";

describe("a slow reader", () => {
  it("is not given more than fits on the way, while the rest goes to others", async () => {
    const tasks = 1_000;
    await using server = await startTestOrchestrator({ settings: { ...DEFAULT_SETTINGS, maxBatch: 40 } });
    using client = new RawClient(server.grpcAddress);
    const slow = await RawRunner.open(server.grpcAddress, { credits: tasks });
    await using sleepy = slow.runner;
    sleepy.pause();
    const inputs = Array.from({ length: tasks }, (_, index) => `${index}:`.padEnd(60 * 1024, "x"));
    const jobIds: string[] = [];
    for (let from = 0; from < tasks; from += 50) jobIds.push(await submit(client, inputs.slice(from, from + 50)));
    const heldBySlow = async () => {
      const request = { cluster: "", pageSize: 0, pageToken: "" };
      const { runners } = await client.unary(RunnerServiceService.listRunners, request);
      return runners.find((runner) => runner.sessionId === slow.welcome.sessionId)?.running ?? 0;
    };

    const fast = await RawRunner.open(server.grpcAddress, { credits: 20 });
    await using busy = fast.runner;
    let done = 0;
    do {
      const { grants } = await busy.next("grants");
      busy.outcomes(...grants.map(leaseOf));
      for (let acked = 0; acked < grants.length; ) acked += (await busy.next("acks")).acks.length;
      done += grants.length;
    } while (done + (await heldBySlow()) < tasks);
    const held = await heldBySlow();
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThan(tasks / 2);

    sleepy.resume();
    const grants = await sleepy.grants(held);
    sleepy.outcomes(...grants.map(leaseOf));
    let acked = 0;
    while (acked < held) acked += (await sleepy.next("acks")).acks.length;
    for (const jobId of jobIds) expect((await getJob(client, jobId)).state).toBe(JobState.JOB_STATE_COMPLETED);
  });

  it("gets every answer in the end, however many it did not read", async () => {
    await using server = await startTestOrchestrator();
    const { runner } = await RawRunner.open(server.grpcAddress);
    await using _ = runner;
    runner.pause();
    const frames = 300;
    const perFrame = 100;
    for (let frame = 0; frame < frames; frame++) {
      const outcomes = Array.from({ length: perFrame }, (_, index) => ({
        taskId: `${frame}/${index}`,
        leaseToken: "no",
      }));
      runner.outcomes(...outcomes);
    }
    runner.resume();
    const answered: string[] = [];
    while (answered.length < frames * perFrame) {
      answered.push(...(await runner.next("acks")).acks.map((ack) => ack.taskId));
    }
    const expected = Array.from({ length: frames * perFrame }, (_, n) => `${Math.floor(n / perFrame)}/${n % perFrame}`);
    expect(answered).toEqual(expected);
  });
});
