import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../domain/limits.ts";
import { JobState } from "../gen/taskgrove/v1/job.ts";
import { JobServiceService } from "../gen/taskgrove/v1/job_service.ts";
import { AckResult, type Grant, RevocationReason } from "../gen/taskgrove/v1/lease.ts";
import { type Hello, RunnerServiceService } from "../gen/taskgrove/v1/runner.ts";
import type { Some } from "../testing/build.ts";
import { RawClient } from "../testing/raw-client.ts";
import { leaseOf, RawRunner } from "../testing/raw-runner.ts";
import { getJob, submit } from "../testing/requests.ts";
import { startTestOrchestrator } from "../testing/test-orchestrator.ts";
import { REASON_KEY } from "./status.ts";

const { ACK_RESULT_ACCEPTED: ACCEPTED, ACK_RESULT_STALE_LEASE: STALE, ACK_RESULT_REFUSED: REFUSED } = AckResult;

async function listTasks(client: RawClient, jobId: string) {
  const request = { jobId, states: [], includeInput: false, pageSize: 0, pageToken: "" };
  return (await client.unary(JobServiceService.listTasks, request)).tasks;
}

const texts = (grants: readonly Grant[]) => grants.map((grant) => grant.input.toString());

describe("a session", () => {
  it("grants by credit and acknowledges outcomes, each of which gives its credit back", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client, ["a", "b", "c"]);

    const { runner, welcome } = await RawRunner.open(server.grpcAddress, { credits: 2 });
    await using _ = runner;
    expect(welcome).toMatchObject({
      resumed: false,
      heartbeatInterval: { seconds: 10 },
      leaseDuration: { seconds: 30 },
      limits: { maxInputBytes: DEFAULT_LIMITS.maxInputBytes, maxMessageBytes: DEFAULT_LIMITS.maxMessageBytes },
    });
    const first = await runner.grants(2);
    expect(texts(first)).toEqual(["a", "b"]);
    expect((await getJob(client, jobId)).state).toBe(JobState.JOB_STATE_RUNNING);

    runner.outcomes(leaseOf(first[0] as Grant));
    const { acks } = await runner.next("acks");
    expect(acks).toEqual([
      { ...leaseOf(first[0] as Grant), result: ACCEPTED, reason: "", message: "", part: undefined },
    ]);
    const third = await runner.grants(1);
    expect(texts(third)).toEqual(["c"]);

    runner.outcomes(leaseOf(first[1] as Grant), leaseOf(third[0] as Grant));
    expect((await runner.next("acks")).acks.map((ack) => ack.result)).toEqual([ACCEPTED, ACCEPTED]);
    expect(await getJob(client, jobId)).toMatchObject({
      state: JobState.JOB_STATE_COMPLETED,
      taskCounts: { completed: 3, queued: 0, running: 0 },
    });
  });

  it("takes back grants that the runner does not list when it resumes, and counts them as nothing", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client, ["kept", "lost on the way"]);
    const first = await RawRunner.open(server.grpcAddress, { credits: 2 });
    const grants = await first.runner.grants(2);
    await first.runner.break();

    const { sessionId } = first.welcome;
    const leases = [leaseOf(grants[0] as Grant)];
    const { runner, welcome } = await RawRunner.open(server.grpcAddress, { sessionId, leases, credits: 1 });
    await using _ = runner;
    expect(welcome).toMatchObject({ sessionId, resumed: true, lostLeases: [] });
    const again = await runner.grants(1);
    expect(texts(again)).toEqual(["lost on the way"]);
    expect(again[0]).toMatchObject({ attempt: 2, failures: 0 });
    expect(again[0]?.leaseToken).not.toBe(grants[1]?.leaseToken);

    runner.outcomes(...leases, leaseOf(again[0] as Grant));
    expect((await runner.next("acks")).acks.map((ack) => ack.result)).toEqual([ACCEPTED, ACCEPTED]);
    expect((await listTasks(client, jobId)).map(({ failures, crashes }) => [failures, crashes])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it("answers an outcome that is sent again, also on another stream, and counts it once", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client);
    const first = await RawRunner.open(server.grpcAddress, { credits: 1 });
    const lease = leaseOf((await first.runner.grants(1))[0] as Grant);
    first.runner.outcomes(lease, lease);
    expect((await first.runner.next("acks")).acks.map((ack) => ack.result)).toEqual([ACCEPTED, ACCEPTED]);
    await first.runner.break();

    const { sessionId } = first.welcome;
    const { runner, welcome } = await RawRunner.open(server.grpcAddress, { sessionId, leases: [lease] });
    await using _ = runner;
    expect(welcome).toMatchObject({ resumed: true, lostLeases: [] });
    runner.outcomes(lease);
    expect((await runner.next("acks")).acks.map((ack) => ack.result)).toEqual([ACCEPTED]);
    expect((await getJob(client, jobId)).taskCounts).toMatchObject({ completed: 1 });
  });

  it("answers STALE_LEASE to a token that was superseded, and changes nothing", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client);
    const old = await RawRunner.open(server.grpcAddress, { credits: 1 });
    const oldLease = leaseOf((await old.runner.grants(1))[0] as Grant);
    await old.runner.break();
    // The old runner resumes without its lease, which goes to another one.
    const again = await RawRunner.open(server.grpcAddress, { sessionId: old.welcome.sessionId });
    await using stale = again.runner;
    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 1 });
    await using _ = runner;
    const [grant] = await runner.grants(1);

    const failure = { $case: "failed" as const, value: { error: { reason: "E" }, nonRetryable: true } };
    stale.outcomes({ ...oldLease, result: failure }, { ...leaseOf(grant as Grant), leaseToken: "invented" });
    expect((await stale.next("acks")).acks.map((ack) => ack.result)).toEqual([STALE, STALE]);
    runner.outcomes(leaseOf(grant as Grant));
    expect((await runner.next("acks")).acks[0]?.result).toBe(ACCEPTED);
    expect((await getJob(client, jobId)).state).toBe(JobState.JOB_STATE_COMPLETED);
  });

  it("ends for the old stream when another one resumes it", async () => {
    await using server = await startTestOrchestrator();
    const first = await RawRunner.open(server.grpcAddress);
    const second = await RawRunner.open(server.grpcAddress, { sessionId: first.welcome.sessionId });
    await using _ = second.runner;
    expect(second.welcome.resumed).toBe(true);
    const ended = await first.runner.ended;
    expect(ended.code).toBe(status.ABORTED);
    expect(ended.metadata.get(REASON_KEY)).toEqual(["SESSION_SUPERSEDED"]);
  });

  it("releases what a runner holds when it ends the stream, after its last outcomes were answered", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    await submit(client, ["done", "held"]);
    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 2 });
    const [done] = await runner.grants(2);
    runner.drain();
    runner.outcomes(leaseOf(done as Grant));
    expect((await runner.end()).code).toBe(status.OK);
    expect((await runner.next("acks")).acks.map((ack) => ack.result)).toEqual([ACCEPTED]);

    const next = await RawRunner.open(server.grpcAddress, { credits: 2 });
    await using _ = next.runner;
    const [again] = await next.runner.grants(1);
    expect(again).toMatchObject({ attempt: 2, failures: 0 });
    expect(again?.input.toString()).toBe("held");
  });

  it("tells a runner that a job was canceled", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client);
    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 1 });
    await using _ = runner;
    const [grant] = await runner.grants(1);
    await client.unary(JobServiceService.cancelJob, { jobId });
    expect((await runner.next("revocations")).revocations).toEqual([
      { ...leaseOf(grant as Grant), reason: RevocationReason.REVOCATION_REASON_JOB_CANCELED },
    ]);
  });

  it("says idle when nothing is left to do, when asked to", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    await submit(client);
    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 1, notifyIdle: true });
    await using _ = runner;
    const [grant] = await runner.grants(1);
    runner.outcomes(leaseOf(grant as Grant));
    await runner.next("acks");
    await runner.next("idle");
  });

  it("is listed while it is alive", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    await submit(client);
    const { runner, welcome } = await RawRunner.open(server.grpcAddress, { runnerName: "host/1", credits: 1 });
    await runner.grants(1);
    const list = () => client.unary(RunnerServiceService.listRunners, { cluster: "", pageSize: 0, pageToken: "" });
    expect((await list()).runners).toMatchObject([
      {
        sessionId: welcome.sessionId,
        name: "host/1",
        cluster: "default",
        running: 1,
        identifiers: [{ name: "Task", version: "v1.0" }],
      },
    ]);
    await runner.end();
    // A write behind the end of the session: when it is answered, the end has been stored.
    await submit(client);
    expect((await list()).runners).toEqual([]);
  });
});

describe("outcomes", () => {
  it("that are refused do not touch their neighbours, and their lease goes on", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client, ["a", "b", "c"]);
    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 3 });
    await using _ = runner;
    const leases = (await runner.grants(3)).map(leaseOf);
    const subtasks = {
      templates: [{ identifier: { name: "Task", version: "v1.0" } }],
      groups: [{ tasks: [{ input: Buffer.alloc(DEFAULT_LIMITS.maxInputBytes + 1) }] }],
    };
    runner.outcomes(
      { ...leases[0], result: undefined },
      { ...leases[1], result: { $case: "computed", value: { subtasks } } },
      { ...leases[2] },
    );
    const acks = [...(await runner.next("acks")).acks];
    while (acks.length < 3) acks.push(...(await runner.next("acks")).acks);
    const answer = (lease: (typeof leases)[number] | undefined) => acks.find((ack) => ack.taskId === lease?.taskId);
    expect(answer(leases[0])).toMatchObject({ result: REFUSED, reason: "INVALID_ARGUMENT" });
    expect(answer(leases[0])?.message).toContain("result is missing");
    expect(answer(leases[1])).toMatchObject({ result: REFUSED, reason: "LIMIT_EXCEEDED" });
    expect(answer(leases[1])?.message).toMatch(/input.*65537.*65536/);
    expect(answer(leases[2])).toMatchObject({ result: ACCEPTED });
    expect((await getJob(client, jobId)).taskCounts).toMatchObject({ completed: 1, running: 2 });

    runner.outcomes(...leases.slice(0, 2));
    expect((await runner.next("acks")).acks.map((ack) => ack.result)).toEqual([ACCEPTED, ACCEPTED]);
    expect((await getJob(client, jobId)).state).toBe(JobState.JOB_STATE_COMPLETED);
  });
});

describe("a session that breaks the protocol", () => {
  const heartbeat = { $case: "heartbeat" as const, value: {} };
  it.each<[string, RegExp, (runner: RawRunner) => void]>([
    ["no hello", /first frame must be a hello, not heartbeat/, (runner) => runner.send(heartbeat)],
    [
      "a second hello",
      /only the first/,
      (runner) => {
        runner.hello();
        runner.hello();
      },
    ],
    ["an empty frame", /empty/, (runner) => runner.send(Buffer.alloc(0))],
    [
      "bytes that are no frame",
      /not a SessionRequest/,
      (runner) => {
        runner.hello();
        runner.send(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff]));
      },
    ],
  ])("is closed with a reason (%s), and others do not notice", async (_name, message, misbehave) => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const bystander = await RawRunner.open(server.grpcAddress, { credits: 1 });
    await using other = bystander.runner;
    const runner = new RawRunner(server.grpcAddress);
    misbehave(runner);
    const ended = await runner.ended;
    expect(ended.code).toBe(status.INVALID_ARGUMENT);
    expect(ended.details).toMatch(message);
    expect(ended.metadata.get(REASON_KEY)).toEqual(["PROTOCOL_VIOLATION"]);

    await submit(client);
    const [grant] = await other.grants(1);
    other.outcomes(leaseOf(grant as Grant));
    expect((await other.next("acks")).acks.map((ack) => ack.result)).toEqual([ACCEPTED]);
  });

  it("is closed when a frame is too large; its leases wait for it", async () => {
    const limits = { ...DEFAULT_LIMITS, maxMessageBytes: 128 * 1024 };
    await using server = await startTestOrchestrator({ limits });
    using client = new RawClient(server.grpcAddress);
    await submit(client);
    const { runner, welcome } = await RawRunner.open(server.grpcAddress, { credits: 1 });
    const [grant] = await runner.grants(1);
    runner.outcomes({ ...leaseOf(grant as Grant), display: "x".repeat(129 * 1024) });
    const ended = await runner.ended;
    expect(ended.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(ended.details).toContain(String(limits.maxMessageBytes));

    const leases = [leaseOf(grant as Grant)];
    const again = await RawRunner.open(server.grpcAddress, { sessionId: welcome.sessionId, leases });
    await using _ = again.runner;
    expect(again.welcome).toMatchObject({ resumed: true, lostLeases: [] });
    again.runner.outcomes(...leases);
    expect((await again.runner.next("acks")).acks[0]?.result).toBe(ACCEPTED);
  });

  it.each<[string, number, RegExp, Some<Hello>]>([
    ["an unknown cluster", status.NOT_FOUND, /cluster "nowhere"/, { cluster: "nowhere" }],
    ["no name", status.INVALID_ARGUMENT, /runner_name must not be empty/, { runnerName: "" }],
    ["no identifiers", status.INVALID_ARGUMENT, /identifiers/, { identifiers: [] }],
    [
      "a bad version",
      status.INVALID_ARGUMENT,
      /identifiers\[0\].version "1.0"/,
      { identifiers: [{ name: "Task", version: "1.0" }] },
    ],
    ["too many credits", status.INVALID_ARGUMENT, /credits.*10000/, { credits: 10_001 }],
  ])("is refused for a hello with %s", async (_name, code, message, hello) => {
    await using server = await startTestOrchestrator();
    const runner = new RawRunner(server.grpcAddress);
    runner.hello(hello);
    const ended = await runner.ended;
    expect(ended.code).toBe(code);
    expect(ended.details).toMatch(message);
  });
});
