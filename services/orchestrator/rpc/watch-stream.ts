import type { ServerWritableStream } from "@grpc/grpc-js";
import { accept, type Result, reject } from "../domain/rejection.ts";
import type { TaskChange, WatchJobRequest, WatchJobResponse } from "../gen/taskgrove/v1/job_service.ts";
import type { ChangeEntry, TaskChangeEntry } from "../store/store.ts";
import { drained, type RpcContext } from "./calls.ts";
import { encodeError, encodeIdentifier, encodeJob } from "./encode.ts";
import type { QueueDirectory } from "./queue-directory.ts";
import { decodeResumeToken, encodeResumeToken, type WatchPosition } from "./resume-token.ts";
import { TASK_STATE_TO_PROTO } from "./states.ts";

export type WatchCall = ServerWritableStream<WatchJobRequest, WatchJobResponse>;

/** Tasks in one response; a larger entry goes out as several, each with a token of its own. */
const MAX_TASKS_PER_RESPONSE = 1_000;

/** Sends a job's changes until the watch is over or `signal` aborts. */
export async function watchJob(context: RpcContext, call: WatchCall, signal: AbortSignal): Promise<Result<null>> {
  const { jobId, resumeToken, jobOnly } = call.request;
  const position = decodeResumeToken(jobId, resumeToken);
  if (!position.ok) return position;
  const { engine, queues } = context;
  if ((await engine.reads.job(jobId)) === null) {
    return reject("JOB_NOT_FOUND", `there is no job ${JSON.stringify(jobId)}`);
  }
  let offset = position.value.taskOffset;
  for await (const entries of engine.watchJob(jobId, position.value.afterSeq, signal)) {
    for (const entry of entries) {
      for (const response of await encodeEntry(entry, offset, jobOnly, queues)) {
        if (signal.aborted) return accept(null);
        if (!call.write(response)) await drained(call);
      }
      offset = 0;
    }
  }
  return accept(null);
}

/** Responses for one entry of the change log, behind the first `offset` of its tasks. */
export async function encodeEntry(
  entry: ChangeEntry,
  offset: number,
  jobOnly: boolean,
  queues: QueueDirectory,
): Promise<WatchJobResponse[]> {
  const end: WatchPosition = { afterSeq: entry.seq, taskOffset: 0 };
  const token = (position: WatchPosition) => encodeResumeToken(entry.jobId, position);
  if (jobOnly) return [{ resumeToken: token(end), job: encodeJob(entry.job), tasks: [] }];
  await queues.ensure(entry.tasks.flatMap((task) => (task.created === undefined ? [] : [task.created.queueId])));

  const responses: WatchJobResponse[] = [];
  let from = offset;
  do {
    const to = Math.min(from + MAX_TASKS_PER_RESPONSE, entry.tasks.length);
    const isLast = to >= entry.tasks.length;
    responses.push({
      resumeToken: token(isLast ? end : { afterSeq: entry.seq - 1, taskOffset: to }),
      job: isLast ? encodeJob(entry.job) : undefined,
      tasks: entry.tasks
        .slice(from, to)
        .filter(isVisible)
        .map((task) => encodeTaskChange(task, queues)),
    });
    from = to;
  } while (from < entry.tasks.length);
  return responses;
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
