import type { JobState, TaskState } from "taskgrove";
import type { Style, TextFormat } from "./style.ts";

interface Look {
  /** One column wide; tells states apart without colour. */
  readonly icon: string;
  readonly color: TextFormat;
  /** As in "412 completed". */
  readonly word: string;
}

/** All task states, in the order in which counts are shown. */
export const taskStates: readonly TaskState[] = [
  "COMPLETED",
  "COMPUTED",
  "RUNNING",
  "QUEUED",
  "FAILED",
  "FAILED_OPTIONAL",
  "SKIPPED",
];

const taskLooks: Readonly<Record<TaskState, Look>> = {
  QUEUED: { icon: "○", color: "gray", word: "queued" },
  RUNNING: { icon: "●", color: "cyan", word: "running" },
  COMPUTED: { icon: "◐", color: "blue", word: "computed" },
  COMPLETED: { icon: "✓", color: "green", word: "completed" },
  FAILED: { icon: "✗", color: "red", word: "failed" },
  FAILED_OPTIONAL: { icon: "!", color: "yellow", word: "failed (optional)" },
  SKIPPED: { icon: "-", color: "yellow", word: "skipped" },
};

const jobLooks: Readonly<Record<JobState, Look>> = {
  SUBMITTED: { icon: "○", color: "gray", word: "submitted" },
  RUNNING: { icon: "●", color: "cyan", word: "running" },
  STARTED: { icon: "◐", color: "blue", word: "started" },
  COMPLETED: { icon: "✓", color: "green", word: "completed" },
  FAILED: { icon: "✗", color: "red", word: "failed" },
  CANCELED: { icon: "✗", color: "yellow", word: "canceled" },
};

/** The sign of a task state, coloured. */
export function taskIcon(state: TaskState, style: Style): string {
  const look = taskLooks[state];
  return style(look.color, look.icon);
}

/** The word of a task state, coloured. */
export function taskWord(state: TaskState, style: Style): string {
  const look = taskLooks[state];
  return style(look.color, look.word);
}

/** The sign of a job state, coloured. */
export function jobIcon(state: JobState, style: Style): string {
  const look = jobLooks[state];
  return style(look.color, look.icon);
}

/** The word of a job state, coloured. */
export function jobWord(state: JobState, style: Style): string {
  const look = jobLooks[state];
  return style(look.color, look.word);
}
