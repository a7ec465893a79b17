import type { Job } from "taskgrove";
import { jobIcon, jobWord } from "../format/states.ts";
import type { Style } from "../format/style.ts";
import { oneLine } from "../format/text.ts";
import { formatCount, formatCountOf, formatDuration } from "../format/values.ts";
import { countAll, describeCounts, fromTaskCounts } from "./counts.ts";
import { describeError, jobDuration } from "./describe.ts";

/** What is known beyond the job itself. */
export interface OutcomeDetails {
  /** Display of the task that failed the job. */
  readonly failedTask?: string | undefined;
  /** How often an attempt was tried again. */
  readonly retries?: number;
}

/** Lines of a stack that are shown. */
const maxDetailLines = 12;

/** How a job ended: state, duration, counts, the error of a failed one and how to go on. */
export function outcomeLines(job: Job, now: number, style: Style, details: OutcomeDetails = {}): string[] {
  const counts = fromTaskCounts(job.taskCounts);
  const took = `${job.state === "COMPLETED" ? "in" : "after"} ${formatDuration(jobDuration(job, now))}`;
  const lines = [
    `${jobIcon(job.state, style)} ${style("bold", oneLine(job.name))} ${jobWord(job.state, style)} ${took}`,
  ];
  const retries = details.retries ?? 0;
  const retried =
    retries > 0 ? `; ${formatCount(retries)} ${retries === 1 ? "attempt was" : "attempts were"} retried` : "";
  lines.push(`  ${formatCountOf(countAll(counts), "task")}: ${describeCounts(counts, style)}${retried}`);
  if (job.state === "FAILED") lines.push(...errorLines(job, style, details.failedTask));
  if (job.state === "FAILED" || job.state === "CANCELED") {
    lines.push(`  To go on from where it stopped: taskgrove job retry ${job.id}`);
  }
  return lines;
}

function errorLines(job: Job, style: Style, failedTask: string | undefined): string[] {
  if (job.error === undefined) return [];
  const name = failedTask === undefined ? "" : `${oneLine(failedTask)} `;
  const where = job.failedTaskId === undefined ? [] : [`  in task ${name}${style("dim", job.failedTaskId)}`];
  const stack = job.error.details
    .split("\n")
    .map(oneLine)
    .filter((line) => line.trim() !== "");
  const shown = stack.slice(0, maxDetailLines).map((line) => style("dim", `    ${line}`));
  return [`  ${style("red", describeError(job.error))}`, ...where, ...shown];
}
