import type { Logger } from "./logger.ts";
import type { SubtaskOptions, TaskHandle } from "./submission/options.ts";
import type { AnyTask, Identifier } from "./task.ts";

/** What a task sees of the attempt that executes it. */
export interface TaskContext {
  /**
   * Submits a subtask. It comes to exist, together with all others, when the attempt succeeds.
   *
   * @throws InvalidInputError when the input cannot be serialised or the schema refuses it.
   * @throws TypeError for a dependency that was not submitted in this attempt.
   */
  submitSubtask(task: AnyTask, options?: SubtaskOptions): TaskHandle;
  /** Submits several subtasks with the same options. Errors as {@link submitSubtask}. */
  submitSubtasks(tasks: Iterable<AnyTask>, options?: SubtaskOptions): TaskHandle[];
  /** Values that the tasks of the job share. */
  readonly jobCache: JobCache;
  /** The progress bar of this label; without a label the default one. */
  progress(label?: string): ProgressBar;
  /** Logs with the task's id, identifier and attempt. */
  readonly logger: Logger;
  /** Aborts when the attempt should stop; `signal.reason` is an {@link AttemptAbortedError}. */
  readonly signal: AbortSignal;
  /** The task that is executed. */
  readonly currentTask: CurrentTask;
  /** The job that it belongs to. */
  readonly job: { readonly id: string; readonly name: string; readonly traceParent: string | undefined };
}

/** The task that is executed. */
export interface CurrentTask {
  readonly id: string;
  /** Task that submitted it; undefined for a root task. */
  readonly parentId: string | undefined;
  /** What it was submitted as. */
  readonly identifier: Identifier;
  readonly cluster: string;
  /** 1 for the first attempt. Only goes up. */
  readonly attempt: number;
  /** How many attempts failed so far. */
  readonly failures: number;
  /** Shown to people; may be set while the task runs. */
  display: string;
}

/** One progress bar of a task: how much there is to do, and how much of it is done. */
export interface ProgressBar {
  /** There is so much more to do: a whole number, not negative. */
  add(count: number): void;
  /** So much more of it is done: a whole number, not negative. */
  done(count: number): void;
}

/** Why an attempt should stop. */
export type AbortReason = "JOB_CANCELED" | "LEASE_LOST" | "ATTEMPT_TIMEOUT" | "RUNNER_SHUTDOWN";

/** The reason of {@link TaskContext.signal}. */
export class AttemptAbortedError extends Error {
  override readonly name = "AbortError";
  readonly reason: AbortReason;

  constructor(reason: AbortReason) {
    super(`the attempt was aborted: ${reason}`);
    this.reason = reason;
  }
}

/**
 * The job cache: values that the tasks of one job share, by key, as long as the job lives. Keys are paths such as `tiles/3/1/2`;
 * the last complete write wins. An attempt that was superseded cannot write: its writes fail with reason `STALE_LEASE`.
 */
export interface JobCache extends AsyncIterable<string> {
  /** The value as bytes; undefined when there is none. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** The value as text; undefined when there is none. */
  getText(key: string): Promise<string | undefined>;
  /** The value parsed as JSON; undefined when there is none. */
  getJson(key: string): Promise<unknown>;
  /** Stores bytes, or text as UTF-8. At most 256 MiB by default. */
  set(key: string, value: Uint8Array | string): Promise<void>;
  /** Stores a value as JSON. */
  setJson(key: string, value: unknown): Promise<void>;
  /** Deletes a value; false when there was none. */
  delete(key: string): Promise<boolean>;
  /** Deletes everything in this group and below; returns how many values. */
  clear(): Promise<number>;
  /** The group of this name below this one; `group("a").get("b")` reads the key `a/b`. */
  group(name: string): JobCache;
  /** The keys directly in this group, relative to it, in order. */
  keys(): AsyncIterable<string>;
  /** The names of the groups directly below this one, in order. */
  groups(): AsyncIterable<string>;
  /** All keys in this group and below, relative to it, in order. */
  [Symbol.asyncIterator](): AsyncIterator<string>;
}
