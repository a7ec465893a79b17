import type { TaskCounts, TaskState } from "taskgrove";
import { taskIcon, taskStates, taskWord } from "../format/states.ts";
import type { Style } from "../format/style.ts";
import { formatCount } from "../format/values.ts";

/** How many tasks are in which state. Changed in place: the model keeps many of them up to date. */
export type Counts = Record<TaskState, number>;

/** No task at all. */
export function noCounts(): Counts {
  return { QUEUED: 0, RUNNING: 0, COMPUTED: 0, COMPLETED: 0, FAILED: 0, FAILED_OPTIONAL: 0, SKIPPED: 0 };
}

/** Adds one to the other. */
export function addCounts(to: Counts, from: Counts): void {
  for (const state of taskStates) to[state] += from[state];
}

/** All tasks. */
export function countAll(counts: Counts): number {
  let sum = 0;
  for (const state of taskStates) sum += counts[state];
  return sum;
}

/**
 * Tasks that need no more work of their own. A computed one is among them: what it still waits for is counted by the tasks below it.
 */
export function countDone(counts: Counts): number {
  return counts.COMPUTED + counts.COMPLETED + counts.FAILED_OPTIONAL + counts.SKIPPED;
}

/** The counts of a job as the orchestrator gives them. */
export function fromTaskCounts(counts: TaskCounts): Counts {
  return {
    QUEUED: counts.queued,
    RUNNING: counts.running,
    COMPUTED: counts.computed,
    COMPLETED: counts.completed,
    FAILED: counts.failed,
    FAILED_OPTIONAL: counts.failedOptional,
    SKIPPED: counts.skipped,
  };
}

/** One state that stands for many tasks: the most urgent one among them. */
export function overallState(counts: Counts): TaskState {
  if (counts.FAILED > 0) return "FAILED";
  if (counts.RUNNING > 0) return "RUNNING";
  if (counts.QUEUED > 0) return "QUEUED";
  if (counts.COMPUTED > 0) return "COMPUTED";
  if (counts.COMPLETED > 0) return "COMPLETED";
  return counts.FAILED_OPTIONAL > 0 ? "FAILED_OPTIONAL" : "SKIPPED";
}

/** `412 completed, 8 running`; states without a task are left out. */
export function describeCounts(counts: Counts, style: Style): string {
  const present = taskStates.filter((state) => counts[state] > 0);
  return present.map((state) => `${formatCount(counts[state])} ${taskWord(state, style)}`).join(", ");
}

/** `● 8  ✗ 1`, for the given states; those without a task are left out. */
export function formatIconCounts(counts: Counts, states: readonly TaskState[], style: Style): string {
  const present = states.filter((state) => counts[state] > 0);
  return present.map((state) => `${taskIcon(state, style)} ${formatCount(counts[state])}`).join("  ");
}
