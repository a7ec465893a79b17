import type { AnyTask } from "../task.ts";
import type { SubtaskOptions, TaskHandle } from "./options.ts";

/** Root tasks of a job that depend on one another. */
export declare class RootTasks {
  /** Adds a root task. Errors as `context.submitSubtask`. */
  add(task: AnyTask, options?: SubtaskOptions): TaskHandle;
  /** Adds several with the same options. */
  addAll(tasks: Iterable<AnyTask>, options?: SubtaskOptions): TaskHandle[];
}
