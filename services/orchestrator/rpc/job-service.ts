import type { JobRecord } from "../domain/records.ts";
import { accept, type Result, reject } from "../domain/rejection.ts";
import {
  type CancelJobRequest,
  type CancelJobResponse,
  type GetJobRequest,
  type GetJobResponse,
  JobServiceService,
  type ListJobsRequest,
  type ListJobsResponse,
  type ListTasksRequest,
  type ListTasksResponse,
  type RetryJobRequest,
  type RetryJobResponse,
  type SubmitJobRequest,
  type SubmitJobResponse,
  SubmitJobsRequest,
} from "../gen/taskgrove/v1/job_service.ts";
import type { JobFilter, PageRequest, TaskFilter } from "../store/store.ts";
import { endWithRejection, endWithThrown, type RpcContext, unary } from "./calls.ts";
import { decodeSubmission } from "./decode-tasks.ts";
import { decodeTime } from "./durations.ts";
import { encodeJob, encodeTask } from "./encode.ts";
import { decodePage, encodePageToken } from "./paging.ts";
import { decodeJobStates, decodeTaskStates } from "./states.ts";
import { STOPPING } from "./stopping.ts";
import { type SizedSubmissions, type SubmitCall, SubmitStream } from "./submit-stream.ts";
import { type WatchCall, watchJob } from "./watch-stream.ts";

/** Pages with inputs stay below this, since clients take 4 MiB in one message unless told otherwise. */
const MAX_INPUTS_BYTES_PER_PAGE = 3 * 1024 * 1024;

/** As generated, but the stream of submissions knows the size of its frames. */
export const JOB_SERVICE = {
  ...JobServiceService,
  submitJobs: {
    ...JobServiceService.submitJobs,
    requestDeserialize: (bytes: Buffer): SizedSubmissions => ({
      request: SubmitJobsRequest.decode(bytes),
      bytes: bytes.length,
    }),
  },
};

/** JobService, and the means to end its streams. */
export interface JobService {
  readonly handlers: ReturnType<typeof handlersOf>;
  /** Ends all watches, and the submission streams as soon as what is in flight has been answered. */
  leave(): void;
}

/** Makes the handlers of JobService. */
export function createJobService(context: RpcContext): JobService {
  const stopping = new AbortController();
  const submitStreams = new Set<SubmitStream>();

  function submitJobs(call: SubmitCall): void {
    if (stopping.signal.aborted) {
      endWithRejection(call, STOPPING);
      return;
    }
    const stream = new SubmitStream(call, context);
    submitStreams.add(stream);
    call.on("close", () => submitStreams.delete(stream));
  }

  function watch(call: WatchCall): void {
    const canceled = new AbortController();
    call.on("cancelled", () => canceled.abort());
    watchJob(context, call, AbortSignal.any([stopping.signal, canceled.signal])).then(
      (result) => {
        if (!result.ok) endWithRejection(call, result.rejection);
        else if (stopping.signal.aborted) endWithRejection(call, STOPPING);
        else call.end();
      },
      (error: unknown) => endWithThrown(call, error, "JobService.WatchJob", context.logger),
    );
  }

  return {
    handlers: handlersOf(context, submitJobs, watch),
    leave() {
      stopping.abort();
      for (const stream of submitStreams) stream.stop();
    },
  };
}

function handlersOf(context: RpcContext, submitJobs: (call: SubmitCall) => void, watch: (call: WatchCall) => void) {
  const { engine } = context;
  return {
    submitJobs,
    watchJob: watch,

    submitJob: unary(context, "JobService.SubmitJob", async (request: SubmitJobRequest) => {
      const submission = decodeSubmission(request);
      if (!submission.ok) return submission;
      const submitted = await engine.submitJob(submission.value);
      if (!submitted.ok) return submitted;
      const { job, alreadyExisted } = submitted.value;
      return accept<SubmitJobResponse>({ job: encodeJob(job), alreadyExisted });
    }),

    getJob: unary(context, "JobService.GetJob", async (request: GetJobRequest) => {
      const job = await requireJob(context, request.jobId);
      return job.ok ? accept<GetJobResponse>({ job: encodeJob(job.value) }) : job;
    }),

    listJobs: unary(context, "JobService.ListJobs", async (request: ListJobsRequest) => {
      const page = decodePage("jobs", request);
      if (!page.ok) return page;
      const filter = decodeJobFilter(request);
      if (!filter.ok) return filter;
      const jobs = await engine.reads.listJobs(filter.value, page.value);
      return accept<ListJobsResponse>({
        jobs: jobs.items.map(encodeJob),
        nextPageToken: encodePageToken("jobs", jobs.next),
      });
    }),

    listTasks: unary(context, "JobService.ListTasks", async (request: ListTasksRequest) => {
      const page = decodePage("tasks", request);
      if (!page.ok) return page;
      const states = decodeTaskStates(request.states);
      if (!states.ok) return states;
      const job = await requireJob(context, request.jobId);
      if (!job.ok) return job;
      const filter: TaskFilter = {
        jobId: request.jobId,
        ...(request.parentId === undefined ? {} : { parentId: request.parentId === "" ? null : request.parentId }),
        states: states.value,
        includeInput: request.includeInput,
      };
      return listTasks(context, job.value, filter, page.value);
    }),

    cancelJob: unary(context, "JobService.CancelJob", async (request: CancelJobRequest) => {
      const job = await engine.cancelJob(request.jobId);
      return job.ok ? accept<CancelJobResponse>({ job: encodeJob(job.value) }) : job;
    }),

    retryJob: unary(context, "JobService.RetryJob", async (request: RetryJobRequest) => {
      const retried = await engine.retryJob(request.jobId);
      if (!retried.ok) return retried;
      const { job, requeuedTasks } = retried.value;
      return accept<RetryJobResponse>({ job: encodeJob(job), requeuedTasks });
    }),
  };
}

async function listTasks(
  { engine, queues }: RpcContext,
  job: JobRecord,
  filter: TaskFilter,
  page: PageRequest,
): Promise<Result<ListTasksResponse>> {
  if (typeof filter.parentId === "string") {
    const parent = await engine.reads.task(filter.parentId);
    if (parent === null || parent.jobId !== job.id) {
      return reject("TASK_NOT_FOUND", `the job has no task ${JSON.stringify(filter.parentId)}`);
    }
  }
  const most = Math.max(1, Math.floor(MAX_INPUTS_BYTES_PER_PAGE / engine.limits.maxInputBytes));
  const limit = filter.includeInput ? Math.min(page.limit, most) : page.limit;
  const tasks = await engine.reads.listTasks(filter, { ...page, limit });
  await queues.ensure(tasks.items.map(({ task }) => task.queueId));
  return accept({
    tasks: tasks.items.map((item) => encodeTask(item, job, queues.get(item.task.queueId))),
    nextPageToken: encodePageToken("tasks", tasks.next),
  });
}

async function requireJob({ engine }: RpcContext, jobId: string): Promise<Result<JobRecord>> {
  const job = await engine.reads.job(jobId);
  return job === null ? reject("JOB_NOT_FOUND", `there is no job ${JSON.stringify(jobId)}`) : accept(job);
}

function decodeJobFilter(request: ListJobsRequest): Result<JobFilter> {
  const states = decodeJobStates(request.states);
  if (!states.ok) return states;
  const submittedFrom = decodeTime(request.submittedFrom, "submitted_from");
  if (!submittedFrom.ok) return submittedFrom;
  const submittedUntil = decodeTime(request.submittedUntil, "submitted_until");
  if (!submittedUntil.ok) return submittedUntil;
  return accept({
    states: states.value,
    nameContains: request.nameContains,
    submittedFrom: submittedFrom.value,
    submittedUntil: submittedUntil.value,
    cluster: request.cluster === "" ? null : request.cluster,
  });
}
