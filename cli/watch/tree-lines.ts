import type { TaskState } from "taskgrove";
import { formatBar } from "../format/bar.ts";
import { taskIcon } from "../format/states.ts";
import type { Style } from "../format/style.ts";
import { oneLine, padEnd, textWidth, truncate, truncateStyled } from "../format/text.ts";
import { formatCount } from "../format/values.ts";
import { countAll, countDone, formatIconCounts, overallState } from "./counts.ts";
import { shortName, taskTitle } from "./describe.ts";
import type { TaskRecord } from "./model.ts";
import type { Row } from "./rows.ts";

/** What stands behind a bar; what is completed shows in the bar, what is queued is the rest. */
const notableStates: readonly TaskState[] = ["RUNNING", "FAILED", "FAILED_OPTIONAL", "SKIPPED"];
const barColumns = 12;
/** Left and right halves begin at the same column in every frame, so that nothing jumps while the tree grows. */
const leftShare = 0.5;
const maxLeft = 60;

/** The lines of a tree, none wider than the columns. */
export function treeLines(rows: readonly Row[], columns: number, style: Style): string[] {
  const leftColumns = Math.min(maxLeft, Math.floor(columns * leftShare));
  const countColumns = Math.max(0, ...rows.map((row) => progressText(row).length));
  return rows.map((row) => {
    const left = leftHalf(row, leftColumns, style);
    const right = rightHalf(row, countColumns, style);
    return truncateStyled(`${padEnd(left, leftColumns)}  ${right}`.trimEnd(), columns);
  });
}

function leftHalf(row: Row, columns: number, style: Style): string {
  const rails = branches(row.rails);
  if (row.omitted > 0) return `${style("gray", rails)}… ${formatCount(row.omitted)} more`;
  const room = columns - textWidth(rails) - 2;
  const icon = taskIcon(row.task === undefined ? overallState(row.counts) : row.task.state, style);
  return `${style("gray", rails)}${icon} ${label(row, room, style)}`;
}

/** Root rows stand at the margin; rows below them hang on lines. */
function branches(rails: readonly boolean[]): string {
  let text = "";
  for (let level = 1; level < rails.length; level++) {
    const more = rails[level];
    const own = level === rails.length - 1;
    if (own) text += more ? "├ " : "└ ";
    else text += more ? "│ " : "  ";
  }
  return text;
}

function label(row: Row, columns: number, style: Style): string {
  const name = shortName(row.identifier);
  if (row.task !== undefined) return taskLabel(row.task, name, columns, style);
  const size = row.size > 1 ? ` × ${formatCount(row.size)}` : "";
  const levels = row.levels > 1 ? ` on ${formatCount(row.levels)} levels` : "";
  return truncate(name, columns - textWidth(size + levels)) + style("bold", size) + style("dim", levels);
}

function taskLabel(task: TaskRecord, name: string, columns: number, style: Style): string {
  const title = truncate(taskTitle(task), columns);
  const room = columns - textWidth(title) - 2;
  return title === name || room < 4 ? title : `${title}  ${style("dim", truncate(name, room))}`;
}

function progressText(row: Row): string {
  const all = countAll(row.counts);
  return all > 1 ? `${formatCount(countDone(row.counts))}/${formatCount(all)}` : "";
}

function rightHalf(row: Row, countColumns: number, style: Style): string {
  const notes = row.task === undefined ? "" : taskNotes(row.task, style);
  const progress = progressText(row);
  if (progress === "") return notes;
  const bar = formatBar(countDone(row.counts), countAll(row.counts), barColumns, style);
  const counts = formatIconCounts(row.counts, notableStates, style);
  return [`${bar} ${progress.padStart(countColumns)}`, counts, notes].filter((part) => part !== "").join("  ");
}

function taskNotes(task: TaskRecord, style: Style): string {
  const attempt = task.attempt > 1 ? style("yellow", `attempt ${formatCount(task.attempt)}`) : "";
  const failed = task.state === "FAILED" || task.state === "FAILED_OPTIONAL";
  const error = failed && task.error !== undefined ? style("red", oneLine(task.error.message)) : "";
  return [attempt, error].filter((part) => part !== "").join("  ");
}
