import { describe, expect, it } from "vitest";
import { type JobRecord, NO_COUNTS } from "../domain/records.ts";
import { JobState } from "../gen/taskgrove/v1/job.ts";
import { TaskState } from "../gen/taskgrove/v1/task.ts";
import type { ChangeEntry, TaskChangeEntry } from "../store/store.ts";
import { createQueueDirectory } from "./queue-directory.ts";
import { decodeResumeToken } from "./resume-token.ts";
import { encodeEntry } from "./watch-stream.ts";

const JOB: JobRecord = {
  id: "J1",
  name: "job",
  status: "OPEN",
  priority: 0,
  traceParent: "",
  clusters: ["default"],
  idempotencyKey: null,
  bodyDigest: null,
  submittedAt: 1_000,
  startedAt: null,
  endedAt: null,
  openGroups: 1,
  counts: NO_COUNTS,
  progress: [],
  error: null,
  failedTaskId: null,
};

const queue = { id: 5, cluster: "default", name: "Resize", major: 1, minor: 2, queued: 0, running: 0 };
const entry = (position: string, tasks: TaskChangeEntry[]): ChangeEntry => ({ jobId: "J1", job: JOB, position, tasks });
const queues = () => createQueueDirectory({ queues: async () => [queue] });
const created = (index: number, state: "BLOCKED" | "QUEUED" = "QUEUED"): TaskChangeEntry => ({
  taskId: `T${index}`,
  state,
  attempt: 0,
  created: { parentId: null, queueId: 5, group: 2 },
  display: `task ${index}`,
});

describe("changes of a job", () => {
  it("say in the first change of a task what it is", async () => {
    const response = await encodeEntry(entry("1", [created(1, "BLOCKED")]), false, queues());
    expect(response.job).toMatchObject({ id: "J1", state: JobState.JOB_STATE_SUBMITTED });
    expect(response.tasks).toEqual([
      {
        taskId: "T1",
        parentId: "",
        identifier: { name: "Resize", version: "v1.2" },
        state: TaskState.TASK_STATE_QUEUED,
        attempt: 0,
        display: "task 1",
        group: 2,
        error: undefined,
      },
    ]);
  });

  it("do not show twice that a task is queued, unless it was granted in between", async () => {
    const unblocked: TaskChangeEntry = { taskId: "T1", state: "QUEUED", attempt: 0 };
    const retried: TaskChangeEntry = { taskId: "T2", state: "QUEUED", attempt: 1 };
    const response = await encodeEntry(entry("2", [unblocked, retried]), false, queues());
    expect(response.tasks.map((task) => task.taskId)).toEqual(["T2"]);
  });

  it("carry a token to go on behind them", async () => {
    const response = await encodeEntry(entry("41", [created(1)]), false, queues());
    expect(decodeResumeToken("J1", response.resumeToken)).toEqual({ ok: true, value: "41" });
  });

  it("leave out tasks when only the job is watched", async () => {
    const response = await encodeEntry(entry("2", [created(1)]), true, queues());
    expect(response.tasks).toEqual([]);
    expect(response.job?.id).toBe("J1");
  });
});
