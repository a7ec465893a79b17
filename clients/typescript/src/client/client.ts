import type { JobCache } from "../context.ts";
import type { Cluster, Job, JobTask, JobTree, JobUpdate, RunnerInfo } from "../model.ts";
import type {
  ClientOptions,
  JobFilter,
  JobSubmission,
  SubmissionResult,
  SubmitOptions,
  Submittable,
  SubmittedJob,
  TaskFilter,
  WatchOptions,
} from "./options.ts";

/** Many submissions in flight over one stream. */
export declare class SubmitStream implements AsyncDisposable {
  /** Resolves when the job is stored; rejects with a TaskgroveError when it is refused or the stream broke before the answer. */
  submit(name: string, tasks: Submittable, options?: SubmitOptions): Promise<SubmittedJob>;
  /** Waits for the answers that are missing, then closes. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Submits, shows and steers jobs. */
export declare class JobClient {
  /** Submits a job and returns it when it is stored. */
  submit(name: string, tasks: Submittable, options?: SubmitOptions): Promise<Job>;
  /** Opens a stream for many submissions. */
  submitStream(): SubmitStream;
  /** Submits many jobs, pipelined; results come in the order of their answers. */
  submitMany(
    submissions: Iterable<JobSubmission> | AsyncIterable<JobSubmission>,
    options?: { readonly window?: number },
  ): AsyncIterable<SubmissionResult>;
  /** Reads one job. */
  get(jobId: string): Promise<Job>;
  /** Jobs, newest first. */
  list(filter?: JobFilter): AsyncIterable<Job>;
  /** Tasks of a job, parents before their children. */
  tasks(jobId: string, filter?: TaskFilter): AsyncIterable<JobTask>;
  /** The job with all its tasks. */
  tree(jobId: string): Promise<JobTree>;
  /** All changes, in order, each once; ends when the job has ended and nothing of it runs. Goes on by itself after a lost connection. */
  watch(jobId: string, options?: WatchOptions): AsyncIterable<JobUpdate>;
  /** Waits until the job has ended (completed, failed or canceled) and nothing of it runs; returns it. */
  wait(jobId: string, options?: { readonly signal?: AbortSignal }): Promise<Job>;
  /** Halts a job. */
  cancel(jobId: string): Promise<Job>;
  /** Lets a failed or canceled job go on. */
  retry(jobId: string): Promise<{ readonly job: Job; readonly requeuedTasks: number }>;
}

/** Manages clusters. */
export declare class ClusterClient {
  create(cluster: {
    readonly slug?: string;
    readonly displayName?: string;
    readonly description?: string;
  }): Promise<Cluster>;
  /** Without a slug: the default cluster. */
  get(slug?: string): Promise<Cluster>;
  list(): AsyncIterable<Cluster>;
  update(slug: string, changes: { readonly displayName?: string; readonly description?: string }): Promise<Cluster>;
  delete(slug: string): Promise<void>;
}

/** Shows runners. */
export declare class RunnerClient {
  /** Sessions that are alive, oldest first. */
  list(filter?: { readonly cluster?: string }): AsyncIterable<RunnerInfo>;
}

/** Talks to an orchestrator as a submitter does. */
export declare class Client implements Disposable {
  readonly jobs: JobClient;
  readonly clusters: ClusterClient;
  readonly runners: RunnerClient;
  constructor(options?: ClientOptions);
  /** The job cache of a job, as a submitter sees it. */
  cache(jobId: string): JobCache;
  close(): void;
  [Symbol.dispose](): void;
}

/** Same as `new Client({ address })`. */
export declare function connect(address?: string): Client;
