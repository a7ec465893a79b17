import type { Job, TaskFailure } from "taskgrove";
import { oneLine } from "../format/text.ts";
import { formatCount } from "../format/values.ts";
import type { FailedAttempt, TaskRecord } from "./model.ts";

/** How long a job has lasted until it ended, or until now; in milliseconds. */
export function jobDuration(job: Job, now: number): number {
  return (job.endedAt?.getTime() ?? now) - job.submittedAt.getTime();
}

/** `example.com/tiles/Split@v1.0` → `Split`. */
export function shortName(identifier: string): string {
  const name = identifier.slice(0, identifier.lastIndexOf("@"));
  return oneLine(name.slice(name.lastIndexOf("/") + 1)) || oneLine(name);
}

/** What people call a task: its display, which is the identifier's name unless it was set. */
export function taskTitle(task: TaskRecord): string {
  const display = oneLine(task.display);
  return display === "" || task.identifier.startsWith(`${display}@`) ? shortName(task.identifier) : display;
}

/** `TypeError: x is not a function`, on one line. */
export function describeError(error: Pick<TaskFailure, "reason" | "message">): string {
  const parts = [oneLine(error.reason), oneLine(error.message)].filter((part) => part !== "");
  return parts.join(": ") || "no reason given";
}

/** `Tile 3/1/2, attempt 1: Error: no such file`. */
export function describeFailure({ task, attempt, error }: FailedAttempt): string {
  return `${taskTitle(task)}, attempt ${formatCount(attempt)}: ${describeError(error)}`;
}
