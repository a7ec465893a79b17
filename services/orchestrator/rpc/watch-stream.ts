import { Metadata, type ServerWritableStream } from "@grpc/grpc-js";
import { accept, type Result, reject } from "../domain/rejection.ts";
import type { TaskChange, WatchJobRequest, WatchJobResponse } from "../gen/taskgrove/v1/job_service.ts";
import type { ChangeEntry, TaskChangeEntry } from "../store/store.ts";
import { drained, type RpcContext } from "./calls.ts";
import { encodeError, encodeIdentifier, encodeJob } from "./encode.ts";
import type { QueueDirectory } from "./queue-directory.ts";
import { decodeResumeToken, encodeResumeToken } from "./resume-token.ts";
import { TASK_STATE_TO_PROTO } from "./states.ts";

export type WatchCall = ServerWritableStream<WatchJobRequest, WatchJobResponse>;

/** Sends a job's changes until the watch is over or `signal` aborts. */
export async function watchJob(context: RpcContext, call: WatchCall, signal: AbortSignal): Promise<Result<null>> {
  const { jobId, resumeToken, jobOnly } = call.request;
  const position = decodeResumeToken(jobId, resumeToken);
  if (!position.ok) return position;
  const { engine, queues } = context;
  if ((await engine.reads.job(jobId)) === null) {
    return reject("JOB_NOT_FOUND", `there is no job ${JSON.stringify(jobId)}`);
  }
  // So that a watcher knows that it is connected, however long nothing happens.
  call.sendMetadata(new Metadata());
  for await (const entries of engine.watchJob(jobId, position.value, signal)) {
    for (const entry of entries) {
      const response = await encodeEntry(entry, jobOnly, queues);
      if (signal.aborted) return accept(null);
      if (!call.write(response)) await drained(call);
    }
  }
  return accept(null);
}

/** The response for one entry of the change log. */
export async function encodeEntry(
  entry: ChangeEntry,
  jobOnly: boolean,
  queues: QueueDirectory,
): Promise<WatchJobResponse> {
  const { jobId, position, job } = entry;
  const shown = jobOnly ? [] : entry.tasks;
  await queues.ensure(shown.flatMap((task) => (task.created === undefined ? [] : [task.created.queueId])));
  return {
    resumeToken: encodeResumeToken(jobId, position),
    job: encodeJob(job),
    tasks: shown.filter(isVisible).map((task) => encodeTaskChange(task, queues)),
  };
}

/** To users a blocked task is queued, so the step that only unblocks it is no change. A task that was granted before is queued anew. */
function isVisible(task: TaskChangeEntry): boolean {
  return task.state !== "QUEUED" || task.created !== undefined || task.attempt > 0;
}

function encodeTaskChange(task: TaskChangeEntry, queues: QueueDirectory): TaskChange {
  const created = task.created;
  const queue = created === undefined ? undefined : queues.get(created.queueId);
  return {
    taskId: task.taskId,
    parentId: created?.parentId ?? "",
    identifier: queue === undefined ? undefined : encodeIdentifier(queue),
    state: TASK_STATE_TO_PROTO[task.state],
    attempt: task.attempt,
    display: task.display || (queue?.name ?? ""),
    group: created?.group ?? 0,
    error: encodeError(task.error),
  };
}
