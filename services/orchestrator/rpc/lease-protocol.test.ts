import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { DEFAULT_SETTINGS } from "../engine/settings.ts";
import { JobState } from "../gen/taskgrove/v1/job.ts";
import { JobServiceService } from "../gen/taskgrove/v1/job_service.ts";
import { AckResult, type Grant, RevocationReason } from "../gen/taskgrove/v1/lease.ts";
import { createManualClock, type ManualClock } from "../testing/manual-clock.ts";
import { aJob, RawClient } from "../testing/raw-client.ts";
import { leaseOf, RawRunner } from "../testing/raw-runner.ts";
import { getJob, submit } from "../testing/requests.ts";
import { startTestOrchestrator } from "../testing/test-orchestrator.ts";

const { leaseDurationMs, pingIntervalMs } = DEFAULT_SETTINGS;

/** Lets time pass in steps that are short enough for the orchestrator to believe that it has not slept. */
async function pass(clock: ManualClock, client: RawClient, jobId: string, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    clock.advance(1_000);
    // A write: when it is answered, what the step made due has been done.
    await client.unary(JobServiceService.submitJob, aJob(["x"], { name: jobId, idempotencyKey: "time" }));
  }
}

describe("leases", () => {
  it("run out without heartbeats, and what the old runner still reports counts no more once another has the task", async () => {
    const clock = createManualClock();
    await using server = await startTestOrchestrator({}, clock);
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client, ["task"], { priority: 1 });
    const old = await RawRunner.open(server.grpcAddress, { credits: 1 });
    const [oldGrant] = await old.runner.grants(1);
    await old.runner.break();
    await pass(clock, client, jobId, leaseDurationMs + 3_000);

    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 1 });
    await using _ = runner;
    const [grant] = await runner.grants(1);
    expect(grant).toMatchObject({ taskId: oldGrant?.taskId, attempt: 2, failures: 0 });

    const leases = [leaseOf(oldGrant as Grant)];
    const again = await RawRunner.open(server.grpcAddress, { sessionId: old.welcome.sessionId, leases });
    await using late = again.runner;
    expect(again.welcome).toMatchObject({ resumed: false, lostLeases: leases });
    late.outcomes(...leases);
    expect((await late.next("acks")).acks[0]?.result).toBe(AckResult.ACK_RESULT_STALE_LEASE);
    runner.outcomes(leaseOf(grant as Grant));
    expect((await runner.next("acks")).acks[0]?.result).toBe(AckResult.ACK_RESULT_ACCEPTED);
    expect((await getJob(client, jobId)).taskCounts).toMatchObject({ completed: 1 });
  });

  it("that ran out still count as long as nobody has claimed the task since", async () => {
    const clock = createManualClock();
    await using server = await startTestOrchestrator({}, clock);
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client, ["task"], { priority: 1 });
    const old = await RawRunner.open(server.grpcAddress, { credits: 1 });
    const leases = (await old.runner.grants(1)).map(leaseOf);
    await old.runner.break();
    await pass(clock, client, jobId, leaseDurationMs + 3_000);
    expect((await getJob(client, jobId)).taskCounts).toMatchObject({ queued: 1, running: 0 });

    const again = await RawRunner.open(server.grpcAddress, { sessionId: old.welcome.sessionId, leases });
    await using late = again.runner;
    expect(again.welcome).toMatchObject({ lostLeases: [] });
    late.outcomes(...leases);
    expect((await late.next("acks")).acks[0]?.result).toBe(AckResult.ACK_RESULT_ACCEPTED);
    expect((await getJob(client, jobId)).state).toBe(JobState.JOB_STATE_COMPLETED);
  });

  it("last as long as the runner is heard of, and a silent one is told that its session is over", async () => {
    const clock = createManualClock();
    await using server = await startTestOrchestrator({}, clock);
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client, ["task"], { priority: 1 });
    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 1 });
    const [grant] = await runner.grants(1);
    for (let beat = 0; beat < 5; beat++) {
      await pass(clock, client, jobId, leaseDurationMs / 3);
      runner.heartbeat();
      // Frames are handled in order: the answer to this one says that the heartbeat was seen.
      runner.outcomes({ taskId: "nothing", leaseToken: "nothing" });
      await runner.next("acks");
    }
    expect((await getJob(client, jobId)).taskCounts).toMatchObject({ running: 1 });
    expect(runner.unread("ping")).toBeGreaterThanOrEqual(Math.floor((leaseDurationMs * 5) / 3 / pingIntervalMs));

    await pass(clock, client, jobId, leaseDurationMs + 3_000);
    expect((await runner.ended).code).toBe(status.UNAVAILABLE);
    expect((await getJob(client, jobId)).taskCounts).toMatchObject({ running: 0, queued: 1 });
    expect(grant?.attempt).toBe(1);
  });

  it("end when the attempt takes too long, which counts as a failure", async () => {
    const clock = createManualClock();
    await using server = await startTestOrchestrator({}, clock);
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client, [], {
      tasks: {
        templates: [{ identifier: { name: "Task", version: "v1.0" }, attemptTimeout: { seconds: 5, nanos: 0 } }],
        groups: [{ tasks: [{}] }],
      },
    });
    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 1 });
    await using _ = runner;
    const [grant] = await runner.grants(1);
    expect(grant?.attemptTimeout).toEqual({ seconds: 5, nanos: 0 });
    await pass(clock, client, jobId, 6_000);
    expect((await runner.next("revocations")).revocations).toEqual([
      { ...leaseOf(grant as Grant), reason: RevocationReason.REVOCATION_REASON_ATTEMPT_TIMEOUT },
    ]);
    expect(await getJob(client, jobId)).toMatchObject({
      state: JobState.JOB_STATE_FAILED,
      error: { reason: "ATTEMPT_TIMEOUT" },
      failedTaskId: grant?.taskId,
    });
  });
});
