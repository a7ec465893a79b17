/** The Taskgrove SDK: write tasks, run them on runners, submit and watch jobs. */
export { Client, connect } from "./client/client.ts";
export { ClusterClient } from "./client/clusters.ts";
export { JobClient } from "./client/jobs.ts";
export type {
  ClientOptions,
  JobFilter,
  JobSubmission,
  SubmissionResult,
  SubmitOptions,
  Submittable,
  SubmittedJob,
  TaskFilter,
  TlsOptions,
  WatchOptions,
} from "./client/options.ts";
export { RunnerClient } from "./client/runners.ts";
export { SubmitStream } from "./client/submit-stream.ts";
export type { CurrentTask, JobCache, ProgressBar, TaskContext } from "./context.ts";
export { type AbortReason, AttemptAbortedError } from "./context.ts";
export { InvalidInputError, NonRetryableError, TaskgroveError } from "./errors.ts";
export { createStderrLogger, type LogFields, type Logger, type LogLevel } from "./logger.ts";
export {
  type Cluster,
  isEnded,
  type Job,
  type JobState,
  type JobTask,
  type JobTree,
  type JobUpdate,
  type Progress,
  type QueuedReason,
  type RunnerInfo,
  type TaskChange,
  type TaskCounts,
  type TaskFailure,
  type TaskNode,
  type TaskState,
} from "./model.ts";
export { Runner, type RunnerOptions, type RunOptions } from "./runner/runner.ts";
export type { Dependencies, RetryPolicy, SubtaskOptions, TaskOptions } from "./submission/options.ts";
export { TaskHandle } from "./submission/options.ts";
export { RootTasks } from "./submission/root-tasks.ts";
export { type AnyTask, BytesTask, type Identifier, namedTask, Task, type TaskClass } from "./task.ts";
