import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { JobState } from "../gen/taskgrove/v1/job.ts";
import { JobServiceService, ListJobsRequest, ListTasksRequest } from "../gen/taskgrove/v1/job_service.ts";
import type { Grant } from "../gen/taskgrove/v1/lease.ts";
import { QueuedReason, TaskState } from "../gen/taskgrove/v1/task.ts";
import { build, type Some } from "../testing/build.ts";
import { RawClient, readAll } from "../testing/raw-client.ts";
import { leaseOf, RawRunner } from "../testing/raw-runner.ts";
import { execute, refusal, submit } from "../testing/requests.ts";
import { startTestOrchestrator } from "../testing/test-orchestrator.ts";

const IDENTIFIER = { name: "Task", version: "v1.0" };

describe("jobs", () => {
  it("that do not exist are NOT_FOUND everywhere", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = "nothing";
    const expected = { code: status.NOT_FOUND, reason: "JOB_NOT_FOUND" };
    expect(await refusal(client.unary(JobServiceService.getJob, { jobId }))).toMatchObject(expected);
    expect(await refusal(client.unary(JobServiceService.cancelJob, { jobId }))).toMatchObject(expected);
    expect(await refusal(client.unary(JobServiceService.retryJob, { jobId }))).toMatchObject(expected);
    const list = client.unary(JobServiceService.listTasks, build(ListTasksRequest, { jobId }));
    expect(await refusal(list)).toMatchObject(expected);
    const watch = await readAll(
      client.serverStream(JobServiceService.watchJob, { jobId, resumeToken: "", jobOnly: false }),
    );
    expect(watch.status.code).toBe(status.NOT_FOUND);
  });

  it("are canceled and retried", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client);
    expect(await refusal(client.unary(JobServiceService.retryJob, { jobId }))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: "JOB_NOT_HALTED",
    });
    for (let again = 0; again < 2; again++) {
      const { job } = await client.unary(JobServiceService.cancelJob, { jobId });
      expect(job?.state).toBe(JobState.JOB_STATE_CANCELED);
    }
    const { job } = await client.unary(JobServiceService.retryJob, { jobId });
    expect(job?.state).toBe(JobState.JOB_STATE_SUBMITTED);

    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 1 });
    await using _ = runner;
    await execute(runner, 1);
    expect(await refusal(client.unary(JobServiceService.cancelJob, { jobId }))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: "JOB_COMPLETED",
    });
  });

  it("are listed in pages, newest first, by filters", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const ids: string[] = [];
    for (let n = 0; n < 7; n++) ids.push(await submit(client, ["x"], { name: `job ${n % 2 === 0 ? "Even" : "odd"}` }));
    await client.unary(JobServiceService.cancelJob, { jobId: ids[2] ?? "" });
    const list = (changes: Some<ListJobsRequest>) =>
      client.unary(JobServiceService.listJobs, build(ListJobsRequest, changes));

    const found: string[] = [];
    const sizes: number[] = [];
    let pageToken = "";
    do {
      const page = await list({ pageSize: 3, pageToken });
      found.push(...page.jobs.map((job) => job.id));
      sizes.push(page.jobs.length);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(found).toEqual([...ids].reverse());
    expect(sizes).toEqual([3, 3, 1]);

    expect((await list({ nameContains: "eVEN" })).jobs).toHaveLength(4);
    expect((await list({ states: [JobState.JOB_STATE_CANCELED] })).jobs.map((job) => job.id)).toEqual([ids[2]]);
    expect((await list({ cluster: "elsewhere" })).jobs).toEqual([]);
    const bad = { code: status.INVALID_ARGUMENT };
    expect(await refusal(list({ pageSize: 1_001 }))).toMatchObject(bad);
    expect(await refusal(list({ pageToken: "nonsense" }))).toMatchObject(bad);
    expect(await refusal(list({ states: [JobState.JOB_STATE_UNSPECIFIED] }))).toMatchObject(bad);
  });

  it("show their tree of tasks, and why a task is queued", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client, [], {
      tasks: {
        templates: [{ identifier: IDENTIFIER, display: "first" }, { identifier: { name: "Merge", version: "v0.3" } }],
        groups: [
          { tasks: [{ input: Buffer.from("a") }, { input: Buffer.from("b") }] },
          { dependsOn: [0], tasks: [{ template: 1, display: "merge" }] },
        ],
      },
    });
    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 1 });
    await using _ = runner;
    const [grant] = await runner.grants(1);
    const subtasks = { templates: [{ identifier: { name: "Leaf", version: "v1.0" } }], groups: [{ tasks: [{}, {}] }] };
    runner.outcomes({ ...leaseOf(grant as Grant), result: { $case: "computed", value: { subtasks } } });
    await runner.next("acks");
    await runner.grants(1);

    const list = (changes: Some<ListTasksRequest>) =>
      client.unary(JobServiceService.listTasks, build(ListTasksRequest, { jobId, ...changes }));
    const { tasks } = await list({ includeInput: true });
    expect(tasks.map((task) => [task.identifier?.name, task.state, task.queuedReason, task.depth, task.group])).toEqual(
      [
        ["Task", TaskState.TASK_STATE_COMPUTED, QueuedReason.QUEUED_REASON_UNSPECIFIED, 0, 0],
        ["Task", TaskState.TASK_STATE_RUNNING, QueuedReason.QUEUED_REASON_UNSPECIFIED, 0, 0],
        ["Merge", TaskState.TASK_STATE_QUEUED, QueuedReason.QUEUED_REASON_DEPENDENCIES, 0, 1],
        ["Leaf", TaskState.TASK_STATE_QUEUED, QueuedReason.QUEUED_REASON_READY, 1, 0],
        ["Leaf", TaskState.TASK_STATE_QUEUED, QueuedReason.QUEUED_REASON_READY, 1, 0],
      ],
    );
    expect(tasks.slice(0, 2).map((task) => task.input.toString())).toEqual(["a", "b"]);
    expect(tasks[2]).toMatchObject({ display: "merge", cluster: "default", identifier: { version: "v0.3" } });
    expect(tasks[3]?.display, "without a display, the identifier's name").toBe("Leaf");
    const root = tasks[0]?.id ?? "";
    expect((await list({ parentId: root })).tasks.map((task) => task.parentId)).toEqual([root, root]);
    expect((await list({ parentId: "" })).tasks).toHaveLength(3);
    expect((await list({ states: [TaskState.TASK_STATE_QUEUED] })).tasks).toHaveLength(3);
    expect(await refusal(list({ parentId: "nothing" }))).toMatchObject({ reason: "TASK_NOT_FOUND" });

    const paged: string[] = [];
    let pageToken = "";
    do {
      const page = await list({ pageSize: 2, pageToken });
      paged.push(...page.tasks.map((task) => task.id));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(paged).toEqual(tasks.map((task) => task.id));

    await client.unary(JobServiceService.cancelJob, { jobId });
    expect((await list({ parentId: root })).tasks.map((task) => task.queuedReason)).toEqual([
      QueuedReason.QUEUED_REASON_JOB_HALTED,
      QueuedReason.QUEUED_REASON_JOB_HALTED,
    ]);
  });
});
