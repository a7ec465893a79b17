import { JobServiceService } from "../gen/taskgrove/v1/job_service.ts";
import { isEnded, type Job, type JobTask, type JobTree, type JobUpdate } from "../model.ts";
import { paginate } from "../rpc/calls.ts";
import type { Orchestrators } from "../rpc/orchestrators.ts";
import { decodeJob, decodeTask, encodeJobState, encodeTaskState } from "./decode.ts";
import { buildTree } from "./job-tree.ts";
import type {
  JobFilter,
  JobSubmission,
  SubmissionResult,
  SubmitOptions,
  Submittable,
  TaskFilter,
  WatchOptions,
} from "./options.ts";
import { submitAll } from "./submit-all.ts";
import { createSubmitRequest } from "./submit-request.ts";
import { SubmitStream } from "./submit-stream.ts";
import { watchJob } from "./watch.ts";

const maxPageSize = 1000;
const defaultWindow = 1000;

/** Submits, shows and steers jobs. Whatever the orchestrator refuses is thrown as a TaskgroveError. */
export class JobClient {
  readonly #orchestrators: Orchestrators;

  constructor(orchestrators: Orchestrators) {
    this.#orchestrators = orchestrators;
  }

  /**
   * Submits a job and returns it when it is stored.
   *
   * @throws InvalidInputError when an input cannot be serialised or a schema refuses it; nothing was sent then.
   */
  async submit(name: string, tasks: Submittable, options: SubmitOptions = {}): Promise<Job> {
    const request = await createSubmitRequest(name, tasks, options);
    const response = await this.#orchestrators.unary(JobServiceService.submitJob, request);
    return decodeJob(response.job);
  }

  /** Opens a stream for many submissions. */
  submitStream(): SubmitStream {
    return new SubmitStream(this.#orchestrators);
  }

  /** Submits many jobs, at most `window` (default 1,000) in flight; results come in the order of their answers. */
  async *submitMany(
    submissions: Iterable<JobSubmission> | AsyncIterable<JobSubmission>,
    options: { readonly window?: number } = {},
  ): AsyncIterable<SubmissionResult> {
    await using stream = this.submitStream();
    yield* submitAll(stream, submissions, options.window ?? defaultWindow);
  }

  /** Reads one job. */
  async get(jobId: string): Promise<Job> {
    return decodeJob((await this.#orchestrators.unary(JobServiceService.getJob, { jobId })).job);
  }

  /** Jobs, newest first. */
  async *list(filter: JobFilter = {}): AsyncIterable<Job> {
    const limit = filter.limit ?? Number.POSITIVE_INFINITY;
    if (limit <= 0) return;
    let count = 0;
    for await (const job of this.#listAll(filter, Math.min(limit, maxPageSize))) {
      yield job;
      if (++count >= limit) return;
    }
  }

  #listAll(filter: JobFilter, pageSize: number): AsyncIterable<Job> {
    const query = {
      states: (filter.states ?? []).map(encodeJobState),
      nameContains: filter.nameContains ?? "",
      submittedFrom: filter.submittedFrom,
      submittedUntil: filter.submittedUntil,
      cluster: filter.cluster ?? "",
      pageSize,
    };
    return paginate(async (pageToken) => {
      const page = await this.#orchestrators.unary(JobServiceService.listJobs, { ...query, pageToken });
      return { items: page.jobs.map(decodeJob), nextPageToken: page.nextPageToken };
    });
  }

  /** Tasks of a job, parents before their children. */
  tasks(jobId: string, filter: TaskFilter = {}): AsyncIterable<JobTask> {
    const includeInput = filter.includeInput ?? false;
    const query = {
      jobId,
      parentId: filter.parentId === null ? "" : filter.parentId,
      states: (filter.states ?? []).map(encodeTaskState),
      includeInput,
      pageSize: maxPageSize,
    };
    return paginate(async (pageToken) => {
      const page = await this.#orchestrators.unary(JobServiceService.listTasks, { ...query, pageToken });
      return { items: page.tasks.map((task) => decodeTask(task, includeInput)), nextPageToken: page.nextPageToken };
    });
  }

  /** The job with all its tasks. */
  async tree(jobId: string): Promise<JobTree> {
    const roots = await buildTree(this.tasks(jobId));
    return { job: await this.get(jobId), roots };
  }

  /**
   * All changes of a job and its tasks, in order, each once; ends when the job has ended and nothing of it runs. A lost connection is
   * taken up again by itself.
   */
  watch(jobId: string, options: WatchOptions = {}): AsyncIterable<JobUpdate> {
    return watchJob(this.#orchestrators, jobId, options);
  }

  /** Waits until the job has ended (completed, failed or canceled) and nothing of it runs, and returns it. */
  async wait(jobId: string, options: { readonly signal?: AbortSignal } = {}): Promise<Job> {
    let job = await this.get(jobId);
    if (isEnded(job.state) && job.taskCounts.running === 0) return job;
    for await (const update of this.watch(jobId, { ...options, jobOnly: true })) job = update.job ?? job;
    return job;
  }

  /** Halts a job; running tasks are told. */
  async cancel(jobId: string): Promise<Job> {
    return decodeJob((await this.#orchestrators.unary(JobServiceService.cancelJob, { jobId })).job);
  }

  /** Lets a failed or canceled job go on from where it stopped. */
  async retry(jobId: string): Promise<{ readonly job: Job; readonly requeuedTasks: number }> {
    const response = await this.#orchestrators.unary(JobServiceService.retryJob, { jobId }, { once: true });
    return { job: decodeJob(response.job), requeuedTasks: response.requeuedTasks };
  }
}
