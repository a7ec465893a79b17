import type { Client as GrpcClient } from "@grpc/grpc-js";
import { GrpcJobCache } from "../cache/job-cache.ts";
import type { CurrentTask, JobCache, ProgressBar, TaskContext } from "../context.ts";
import { type Logger, withFields } from "../logger.ts";
import { retryWhileUnavailable } from "../rpc/retry.ts";
import type { SubtaskOptions, TaskHandle } from "../submission/options.ts";
import type { AnyTask, Identifier } from "../task.ts";
import type { Attempt } from "./attempt.ts";

/** What an attempt needs from its runner. */
export interface AttemptServices {
  readonly logger: Logger;
  /** To the orchestrator that the session is connected to at the moment. */
  cacheClient(): GrpcClient;
}

/** What a handler sees of its attempt. All is made when it is first asked for: most tasks use little of it. */
export class AttemptContext implements TaskContext {
  readonly #attempt: Attempt;
  readonly #services: AttemptServices;
  #jobCache: JobCache | undefined;
  #logger: Logger | undefined;
  #currentTask: CurrentTask | undefined;

  constructor(attempt: Attempt, services: AttemptServices) {
    this.#attempt = attempt;
    this.#services = services;
  }

  // Functions of their own, so that handlers may take them out of the context: `execute({ submitSubtask, progress })`.
  readonly submitSubtask = (task: AnyTask, options?: SubtaskOptions): TaskHandle =>
    this.#attempt.submission().add(task, options);

  readonly submitSubtasks = (tasks: Iterable<AnyTask>, options?: SubtaskOptions): TaskHandle[] =>
    Array.from(tasks, (task) => this.submitSubtask(task, options));

  readonly progress = (label = ""): ProgressBar => this.#attempt.progress().bar(label);

  get jobCache(): JobCache {
    if (!this.#jobCache) {
      const { taskId, leaseToken } = this.#attempt.grant;
      this.#jobCache = new GrpcJobCache({
        jobId: this.job.id,
        writer: { taskId, leaseToken },
        call: (call) => retryWhileUnavailable(() => call(this.#services.cacheClient()), this.signal),
      });
    }
    return this.#jobCache;
  }

  get logger(): Logger {
    const { taskId, attempt } = this.#attempt.grant;
    this.#logger ??= withFields(this.#services.logger, { task: this.#attempt.identifier.name, taskId, attempt });
    return this.#logger;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  get currentTask(): CurrentTask {
    this.#currentTask ??= new AttemptTask(this.#attempt);
    return this.#currentTask;
  }

  get job(): TaskContext["job"] {
    const { id, name, traceParent } = this.#attempt.job;
    return { id, name, traceParent: traceParent === "" ? undefined : traceParent };
  }
}

class AttemptTask implements CurrentTask {
  readonly #attempt: Attempt;
  readonly id: string;
  readonly parentId: string | undefined;
  readonly identifier: Identifier;
  readonly cluster: string;
  readonly attempt: number;
  readonly failures: number;

  constructor(attempt: Attempt) {
    const { grant, identifier } = attempt;
    this.#attempt = attempt;
    this.id = grant.taskId;
    this.parentId = grant.parentId === "" ? undefined : grant.parentId;
    this.identifier = [identifier.name, identifier.version];
    this.cluster = grant.cluster;
    this.attempt = grant.attempt;
    this.failures = grant.failures;
  }

  get display(): string {
    return this.#attempt.display;
  }

  set display(display: string) {
    this.#attempt.setDisplay(display);
  }
}
