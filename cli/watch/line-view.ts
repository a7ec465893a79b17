import type { Job, JobState, JobUpdate } from "taskgrove";
import { isEnded } from "taskgrove";
import { jobWord } from "../format/states.ts";
import { plainStyle } from "../format/style.ts";
import { oneLine } from "../format/text.ts";
import { formatClock, formatCount } from "../format/values.ts";
import { countAll, countDone, describeCounts } from "./counts.ts";
import { describeError, taskTitle } from "./describe.ts";
import type { JobModel } from "./model.ts";
import { outcomeLines } from "./outcome.ts";
import type { Clock, Output, WatchView } from "./views.ts";

const progressIntervalMs = 1_000;

/**
 * Writes lines that are only ever added, for pipes and log files: failures as they happen, the job's state and progress at most once a second, and
 * the outcome in the end. No escape codes.
 */
export function createLineView(model: JobModel, out: Output, clock: Clock): WatchView {
  let lastProgress = "";
  let lastProgressAt = Number.NEGATIVE_INFINITY;
  let lastState: JobState | undefined;
  const line = (text: string) => out.write(`${formatClock(new Date(clock()))}  ${text}\n`);
  const writeProgress = () => {
    const { job } = model;
    if (job === undefined || isEnded(job.state)) return;
    const progress = progressText(model, job);
    const isNews = progress !== lastProgress && clock() - lastProgressAt >= progressIntervalMs;
    if (!isNews && !isFirst(job.state)) return;
    lastProgress = progress;
    lastProgressAt = clock();
    lastState = job.state;
    line(progress);
  };
  /** The first change of the state is told at once; after that a job may go back and forth many times a second. */
  const isFirst = (state: JobState) => lastState === undefined || (lastState === "SUBMITTED" && state !== "SUBMITTED");
  return {
    update: (update: JobUpdate) => {
      model.apply(update);
      for (const text of failureTexts(model, update)) line(text);
      writeProgress();
    },
    tick: writeProgress,
    end: (job: Job) => {
      const failedTask = job.failedTaskId === undefined ? undefined : model.task(job.failedTaskId);
      const details = { failedTask: failedTask && taskTitle(failedTask), retries: model.retries };
      out.write(`${outcomeLines(job, clock(), plainStyle, details).join("\n")}\n`);
    },
    stop: () => {},
  };
}

function progressText(model: JobModel, job: Job): string {
  const tasks = `${formatCount(countDone(model.counts))}/${formatCount(countAll(model.counts))} tasks`;
  const labels = job.progress.map(
    ({ label, done, total }) => `${oneLine(label) || "progress"} ${formatCount(done)}/${formatCount(total)}`,
  );
  const counts = describeCounts(model.counts, plainStyle);
  return [`${jobWord(job.state, plainStyle)}  ${tasks}`, counts, ...labels].filter((part) => part !== "").join("  ");
}

function failureTexts(model: JobModel, update: JobUpdate): string[] {
  const texts: string[] = [];
  for (const { taskId, attempt, state, error } of update.tasks) {
    if (error === undefined) continue;
    const task = model.task(taskId);
    const title = task === undefined ? taskId : taskTitle(task);
    const then = state === "QUEUED" ? "will be retried" : "failed for good";
    texts.push(`attempt ${formatCount(attempt)} of ${title} ${then}: ${describeError(error)}`);
  }
  return texts;
}
