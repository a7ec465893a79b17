/** What happens when an attempt fails. */
export interface RetryPolicy {
  /** How many failures are retried: N means up to N + 1 attempts that fail. Default 0. */
  readonly maxRetries?: number;
  /** Wait before the first retry, in milliseconds. Default: retried at once. */
  readonly initialBackoffMs?: number;
  /** Factor from one wait to the next, at least 1. Default 2. */
  readonly multiplier?: number;
  /** No wait is longer, in milliseconds. Default: one hour. */
  readonly maxBackoffMs?: number;
  /** From 0 to 1: each wait is shortened by a random part of up to this fraction. Default 0. */
  readonly jitter?: number;
}

/** How a task is to be run. */
export interface TaskOptions {
  /** How many failures are retried; wins over `retry.maxRetries`. */
  readonly maxRetries?: number;
  readonly retry?: RetryPolicy;
  /** When true, a failure of the task or of anything below it does not fail the job. */
  readonly optional?: boolean;
  /** Slug of the cluster. Default: the parent's, or the default cluster for a root task. */
  readonly cluster?: string;
  /** Higher is claimed first. Default: the parent's, or the job's for a root task. */
  readonly priority?: number;
  /** Shown to people. Default: the identifier's name. */
  readonly display?: string;
  /** The longest run of one attempt in milliseconds; a longer one counts as a failure. Default: no limit. */
  readonly attemptTimeoutMs?: number;
}

/** What a task waits for: one handle, or (nested) arrays of them. */
export type Dependencies = TaskHandle | readonly Dependencies[];

/** How a subtask, or a root task among others, is to be run. */
export interface SubtaskOptions extends TaskOptions {
  /** It starts only when these, and everything below them, are done. */
  readonly dependsOn?: Dependencies;
}

/** Stands for a task that was submitted, to let others depend on it. */
export class TaskHandle {
  /** Position in its submission. */
  readonly index: number;
  readonly #owner: object;

  constructor(owner: object, index: number) {
    this.#owner = owner;
    this.index = index;
  }

  /** Whether the handle was made by this submission. */
  isOf(owner: object): boolean {
    return this.#owner === owner;
  }
}
