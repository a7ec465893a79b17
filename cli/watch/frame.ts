import type { Job, Progress } from "taskgrove";
import { formatBar } from "../format/bar.ts";
import { jobIcon, jobWord } from "../format/states.ts";
import type { Style } from "../format/style.ts";
import { oneLine, padEnd, textWidth, truncate, truncateStyled } from "../format/text.ts";
import { formatCount, formatDuration } from "../format/values.ts";
import { countAll, countDone, formatIconCounts } from "./counts.ts";
import { describeFailure, jobDuration } from "./describe.ts";
import type { FailedAttempt, JobModel } from "./model.ts";
import { selectRows } from "./rows.ts";
import { treeLines } from "./tree-lines.ts";

/** Where a frame is to be shown. */
export interface FrameOptions {
  /** Width of the terminal. */
  readonly columns: number;
  /** Most lines that a frame may have. */
  readonly rows: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly style: Style;
  /** Without what the outcome says too, when that is to follow: the first line and the last failure. */
  readonly withoutSummary?: boolean;
}

/** A job that nobody has started after this long probably has no runner. */
const patienceMs = 3_000;
const maxLabelColumns = 24;
const maxBarColumns = 32;

/** Draws a job as it stands: what it is, a bar for its tasks and for each progress label, its tree, and the last failure. */
export function renderFrame(model: JobModel, options: FrameOptions): string[] {
  const { job } = model;
  const summary = options.withoutSummary !== true;
  const head = job === undefined || !summary ? [] : [headline(job, options)];
  const bars = barLines(model, Math.max(1, Math.floor((options.rows - head.length) / 3)), options);
  const tail = summary ? tailLines(model, options) : [];
  const room = options.rows - head.length - bars.length - tail.length - 1;
  const tree = room > 0 ? ["", ...treeLines(selectRows(model, room), options.columns, options.style)] : [];
  return [...head, ...bars, ...tree, ...tail]
    .slice(0, Math.max(1, options.rows))
    .map((line) => truncateStyled(line, options.columns));
}

function headline(job: Job, { columns, now, style }: FrameOptions): string {
  const duration = formatDuration(jobDuration(job, now));
  const room = Math.max(12, columns - textWidth(duration) - 18);
  const name = truncate(oneLine(job.name), room);
  const left = `${jobIcon(job.state, style)} ${style("bold", name)}  ${jobWord(job.state, style)}  ${duration}`;
  const id = `  ${job.id}`;
  return textWidth(left) + textWidth(id) <= columns ? left + style("dim", id) : left;
}

/** One bar for the tasks and one per label, below one another; more than fit are counted. */
function barLines(model: JobModel, maxLines: number, options: FrameOptions): string[] {
  const progress = model.job?.progress ?? [];
  const fits = progress.length <= maxLines - 1;
  const shown = fits ? progress : progress.slice(0, Math.max(0, maxLines - 2));
  const bars: Progress[] = [{ label: "tasks", done: countDone(model.counts), total: countAll(model.counts) }];
  for (const { label, done, total } of shown) bars.push({ label: oneLine(label) || "progress", done, total });
  const labelColumns = Math.min(maxLabelColumns, Math.max(...bars.map((bar) => textWidth(bar.label))));
  const numberColumns = Math.max(...bars.map((bar) => barNumbers(bar).length));
  const barColumns = Math.max(4, Math.min(maxBarColumns, options.columns - labelColumns - numberColumns - 28));
  const lines = bars.map((bar) => barLine(bar, labelColumns, barColumns, numberColumns, options.style));
  const counts = formatIconCounts(
    model.counts,
    ["RUNNING", "QUEUED", "FAILED", "FAILED_OPTIONAL", "SKIPPED"],
    options.style,
  );
  lines[0] = `${lines[0]}  ${counts}`.trimEnd();
  const hidden = progress.length - shown.length;
  return hidden > 0 ? [...lines, options.style("dim", `  … ${formatCount(hidden)} more progress labels`)] : lines;
}

function barNumbers(bar: Progress): string {
  return `${formatCount(bar.done)}/${formatCount(bar.total)}`;
}

function barLine(bar: Progress, labelColumns: number, barColumns: number, numberColumns: number, style: Style): string {
  const label = padEnd(truncate(bar.label, labelColumns), labelColumns);
  return `  ${label}  ${formatBar(bar.done, bar.total, barColumns, style)}  ${barNumbers(bar).padStart(numberColumns)}`;
}

/** The latest failure and how often something was tried again; what to look at when nothing starts; or nothing. */
function tailLines(model: JobModel, { columns, rows, now, style }: FrameOptions): string[] {
  if (rows < 8) return [];
  const text = model.lastFailure === undefined ? waitingHint(model, now) : failureText(model, model.lastFailure);
  return text === "" ? [] : ["", style("dim", truncate(text, columns))];
}

function failureText({ retries }: JobModel, failure: FailedAttempt): string {
  const retried = retries > 0 ? `${formatCount(retries)} ${retries === 1 ? "retry" : "retries"}; ` : "";
  return `${retried}last failure: ${describeFailure(failure)}`;
}

function waitingHint({ job }: JobModel, now: number): string {
  if (job?.state !== "SUBMITTED" || jobDuration(job, now) < patienceMs) return "";
  return `Nothing has started yet. Is there a runner for it? taskgrove job tree ${job.id} says why it waits.`;
}
