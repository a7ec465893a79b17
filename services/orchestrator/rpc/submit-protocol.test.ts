import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../domain/limits.ts";
import {
  JobServiceService,
  ListJobsRequest,
  type SubmissionAck,
  type SubmitJobRequest,
  type SubmitJobsRequest,
} from "../gen/taskgrove/v1/job_service.ts";
import { build, type Some } from "../testing/build.ts";
import { aJob, RawClient, readAll } from "../testing/raw-client.ts";
import { refusal } from "../testing/requests.ts";
import { startTestOrchestrator } from "../testing/test-orchestrator.ts";

type JobChanges = Some<SubmitJobRequest>;

const IDENTIFIER = { name: "Task", version: "v1.0" };

const tasksWith = (task: object, template: object = {}, group: object = {}): JobChanges => ({
  tasks: { templates: [{ identifier: IDENTIFIER, ...template }], groups: [{ tasks: [task], ...group }] },
});

describe("submissions", () => {
  it.each<[string, JobChanges, number, string, RegExp]>([
    ["name", { name: "" }, status.INVALID_ARGUMENT, "INVALID_ARGUMENT", /name must not be empty/],
    ["name length", { name: "n".repeat(257) }, status.INVALID_ARGUMENT, "LIMIT_EXCEEDED", /name.*256/],
    ["tasks", { tasks: undefined }, status.INVALID_ARGUMENT, "INVALID_ARGUMENT", /tasks is missing/],
    [
      "input size",
      tasksWith({ input: Buffer.alloc(65_537) }),
      status.INVALID_ARGUMENT,
      "LIMIT_EXCEEDED",
      /groups\[0\]\.tasks\[0\]\.input.*65537.*65536/,
    ],
    ["display", tasksWith({ display: "d".repeat(1_025) }), status.INVALID_ARGUMENT, "LIMIT_EXCEEDED", /display.*1024/],
    [
      "version",
      tasksWith({}, { identifier: { name: "Task", version: "1.0" } }),
      status.INVALID_ARGUMENT,
      "INVALID_VERSION",
      /templates\[0\]\.identifier\.version "1\.0"/,
    ],
    [
      "task name",
      tasksWith({}, { identifier: { name: "", version: "v1.0" } }),
      status.INVALID_ARGUMENT,
      "INVALID_ARGUMENT",
      /identifier\.name must not be empty/,
    ],
    [
      "retries",
      tasksWith({}, { retry: { maxRetries: 1_000_001 } }),
      status.INVALID_ARGUMENT,
      "LIMIT_EXCEEDED",
      /max_retries.*1000000/,
    ],
    [
      "jitter",
      tasksWith({}, { retry: { jitter: 1.5 } }),
      status.INVALID_ARGUMENT,
      "INVALID_ARGUMENT",
      /jitter.*0 to 1/,
    ],
    [
      "backoff",
      tasksWith({}, { retry: { initialBackoff: { seconds: -1, nanos: 0 } } }),
      status.INVALID_ARGUMENT,
      "INVALID_ARGUMENT",
      /initial_backoff must not be negative/,
    ],
    [
      "dependency out of range",
      tasksWith({}, {}, { dependsOn: [7] }),
      status.INVALID_ARGUMENT,
      "INVALID_DEPENDENCY",
      /depends_on names group 7/,
    ],
    ["cycle", tasksWith({}, {}, { dependsOn: [0] }), status.INVALID_ARGUMENT, "CYCLIC_DEPENDENCIES", /depends_on/],
    ["cluster", tasksWith({}, { cluster: "nowhere" }), status.NOT_FOUND, "UNKNOWN_CLUSTER", /cluster "nowhere"/],
    ["template", tasksWith({ template: 3 }), status.INVALID_ARGUMENT, "INVALID_ARGUMENT", /template is 3/],
    [
      "idempotency key",
      { idempotencyKey: "k".repeat(257) },
      status.INVALID_ARGUMENT,
      "LIMIT_EXCEEDED",
      /idempotency_key.*256/,
    ],
    [
      "number of tasks",
      { tasks: { templates: [{ identifier: IDENTIFIER }], groups: [{ tasks: Array(10_001).fill({}) }] } },
      status.INVALID_ARGUMENT,
      "LIMIT_EXCEEDED",
      /10001 tasks.*10000/,
    ],
  ])("are refused whole for their %s, naming field and limit", async (_name, changes, code, reason, message) => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const refused = await refusal(client.unary(JobServiceService.submitJob, aJob(["x"], changes)));
    expect(refused).toMatchObject({ code, reason });
    expect(refused.details).toMatch(message);
    const { jobs } = await client.unary(JobServiceService.listJobs, build(ListJobsRequest, {}));
    expect(jobs).toEqual([]);
  });

  it("are refused when the message is too large", async () => {
    const limits = { ...DEFAULT_LIMITS, maxMessageBytes: 128 * 1024 };
    await using server = await startTestOrchestrator({ limits });
    using client = new RawClient(server.grpcAddress);
    const inputs = Array.from({ length: 3 }, () => "x".repeat(60 * 1024));
    const refused = await refusal(client.unary(JobServiceService.submitJob, aJob(inputs)));
    expect(refused.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(refused.details).toContain(String(128 * 1024));
  });

  it("with the same idempotency key and body are one job", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const send = (changes: JobChanges) =>
      client.unary(JobServiceService.submitJob, aJob(["x"], { idempotencyKey: "k1", ...changes }));
    const [first, second] = await Promise.all([send({}), send({})]);
    expect(second.job?.id).toBe(first.job?.id);
    expect([first.alreadyExisted, second.alreadyExisted].sort()).toEqual([false, true]);
    expect(await send({})).toMatchObject({ job: { id: first.job?.id }, alreadyExisted: true });
    expect(await refusal(send({ name: "another" }))).toMatchObject({
      code: status.ALREADY_EXISTS,
      reason: "IDEMPOTENCY_CONFLICT",
    });
    expect((await send({ idempotencyKey: "k2" })).job?.id).not.toBe(first.job?.id);
  });
});

describe("a stream of submissions", () => {
  it("answers each by its key, and one that is refused does not touch the others", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const call = client.bidiStream(JobServiceService.submitJobs);
    const all = readAll(call);
    for (let frame = 0; frame < 50; frame++) {
      const submissions: SubmitJobsRequest["submissions"] = [];
      for (let n = 0; n < 10; n++) {
        const key = frame * 10 + n;
        const job = key === 123 ? aJob(["x"], { name: "" }) : aJob(["x"], { idempotencyKey: `k${key % 400}` });
        submissions.push({ key, job });
      }
      call.write({ submissions });
    }
    call.write({ submissions: [{ key: 1_000, job: undefined }] });
    call.end();
    const { messages, status: ended } = await all;
    expect(ended.code).toBe(status.OK);
    const acks = new Map<number, SubmissionAck>();
    for (const ack of messages.flatMap((message) => message.acks)) {
      expect(acks.has(ack.key)).toBe(false);
      acks.set(ack.key, ack);
    }
    expect(acks.size).toBe(501);
    expect(acks.get(123)?.result).toMatchObject({
      $case: "refusal",
      value: { code: status.INVALID_ARGUMENT, reason: "INVALID_ARGUMENT", message: "name must not be empty" },
    });
    expect(acks.get(1_000)?.result).toMatchObject({ $case: "refusal", value: { code: status.INVALID_ARGUMENT } });
    const ids = new Set<string>();
    for (const { result } of acks.values()) if (result?.$case === "jobId") ids.add(result.value);
    expect(ids.size).toBe(399);
    expect(acks.get(450)?.result).toEqual(acks.get(50)?.result);
    expect([acks.get(50)?.alreadyExisted, acks.get(450)?.alreadyExisted].sort()).toEqual([false, true]);
  });

  it("takes far more than it keeps in memory", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const call = client.bidiStream(JobServiceService.submitJobs);
    const all = readAll(call);
    const inputs = Array.from({ length: 10 }, () => "x".repeat(60_000));
    for (let key = 0; key < 60; key++) call.write({ submissions: [{ key, job: aJob(inputs) }] });
    call.end();
    const { messages, status: ended } = await all;
    expect(ended.code).toBe(status.OK);
    const acks = messages.flatMap((message) => message.acks);
    expect(acks.filter((ack) => ack.result?.$case === "jobId")).toHaveLength(60);
  });

  it("ends with INVALID_ARGUMENT for an empty frame", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const call = client.bidiStream(JobServiceService.submitJobs);
    const all = readAll(call);
    call.write({ submissions: [] });
    expect((await all).status.code).toBe(status.INVALID_ARGUMENT);
  });
});
