import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { JobState } from "../gen/taskgrove/v1/job.ts";
import { JobServiceService, type WatchJobResponse } from "../gen/taskgrove/v1/job_service.ts";
import { TaskState } from "../gen/taskgrove/v1/task.ts";
import { RawClient, readAll } from "../testing/raw-client.ts";
import { RawRunner } from "../testing/raw-runner.ts";
import { execute, submit } from "../testing/requests.ts";
import { startTestOrchestrator } from "../testing/test-orchestrator.ts";

const IDENTIFIER = { name: "Task", version: "v1.0" };

describe("watching a job", () => {
  const watch = (client: RawClient, jobId: string, resumeToken = "", jobOnly = false) =>
    client.serverStream(JobServiceService.watchJob, { jobId, resumeToken, jobOnly });
  const steps = (responses: readonly WatchJobResponse[]) =>
    responses.flatMap(({ tasks }) => tasks.map(({ taskId, state, attempt }) => `${taskId} ${state} ${attempt}`));

  it("shows every step once, live, and ends with the job", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client, [], {
      tasks: {
        templates: [{ identifier: IDENTIFIER }],
        groups: [{ tasks: [{}] }, { dependsOn: [0], tasks: [{}] }],
      },
    });
    const live = readAll(watch(client, jobId));
    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 1 });
    await using _ = runner;
    await execute(runner, 2);
    const { messages, status: ended } = await live;
    expect(ended.code).toBe(status.OK);
    expect(messages.at(-1)?.job?.state).toBe(JobState.JOB_STATE_COMPLETED);
    const byTask = Object.groupBy(
      messages.flatMap((message) => message.tasks),
      (task) => task.taskId,
    );
    expect(Object.values(byTask)).toHaveLength(2);
    for (const changes of Object.values(byTask)) {
      expect(changes?.map((change) => change.state)).toEqual([
        TaskState.TASK_STATE_QUEUED,
        TaskState.TASK_STATE_RUNNING,
        TaskState.TASK_STATE_COMPLETED,
      ]);
      expect(changes?.[0]).toMatchObject({ identifier: IDENTIFIER });
    }
  });

  it("resumes from any token without a gap or a repeat, also on a restarted watch of an ended job", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client, ["a", "b", "c"]);
    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 1 });
    await using _ = runner;
    await execute(runner, 3);
    const whole = (await readAll(watch(client, jobId))).messages;
    expect(whole.length).toBeGreaterThan(3);
    for (const [index, response] of whole.entries()) {
      const rest = await readAll(watch(client, jobId, response.resumeToken));
      expect(rest.status.code).toBe(status.OK);
      expect(steps(rest.messages)).toEqual(steps(whole.slice(index + 1)));
    }
  });

  it("can leave tasks out", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client);
    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 1 });
    await using _ = runner;
    await execute(runner, 1);
    const { messages } = await readAll(watch(client, jobId, "", true));
    expect(messages.flatMap((message) => message.tasks)).toEqual([]);
    expect(messages.at(-1)?.job?.state).toBe(JobState.JOB_STATE_COMPLETED);
  });

  it("refuses a token of another job, and ends with UNAVAILABLE when the orchestrator stops", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client);
    const other = await submit(client);
    const call = watch(client, other);
    const first = await new Promise<WatchJobResponse>((resolve) => call.once("data", resolve));
    expect((await readAll(watch(client, jobId, first.resumeToken))).status.code).toBe(status.INVALID_ARGUMENT);
    const rest = readAll(call);
    await server.stop();
    expect((await rest).status.code).toBe(status.UNAVAILABLE);
  });
});
