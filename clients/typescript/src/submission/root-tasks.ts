import type { AnyTask } from "../task.ts";
import { type SubtaskOptions, TaskHandle, type TaskOptions } from "./options.ts";
import { Submission } from "./submission.ts";

interface RootTask {
  readonly task: AnyTask;
  readonly options: SubtaskOptions;
}

/** Root tasks of a job that depend on one another. Inputs and options are checked when the job is submitted. */
export class RootTasks {
  readonly #tasks: RootTask[] = [];

  /** Adds a root task. */
  add(task: AnyTask, options: SubtaskOptions = {}): TaskHandle {
    return new TaskHandle(this, this.#tasks.push({ task, options }) - 1);
  }

  /** Adds several with the same options. */
  addAll(tasks: Iterable<AnyTask>, options: SubtaskOptions = {}): TaskHandle[] {
    return Array.from(tasks, (task) => this.add(task, options));
  }

  /** For the SDK: the submission of these tasks. Errors as {@link Submission.add}. */
  toSubmission(defaults: TaskOptions): Submission {
    const submission = new Submission(defaults, this);
    for (const { task, options } of this.#tasks) submission.add(task, options);
    return submission;
  }
}
