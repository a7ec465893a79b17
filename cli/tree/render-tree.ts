import type { JobTask, RunnerInfo } from "taskgrove";
import { taskIcon, taskWord } from "../format/states.ts";
import type { Style } from "../format/style.ts";
import { oneLine } from "../format/text.ts";
import { formatCount, formatCountOf, formatDuration } from "../format/values.ts";
import { addCounts, type Counts, countAll, describeCounts, noCounts } from "../watch/counts.ts";
import { describeError } from "../watch/describe.ts";
import type { TaskNode } from "./task-tree.ts";
import { whyQueued } from "./why-queued.ts";

/** How to draw a tree. */
export interface TreeOptions {
  readonly style: Style;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Those that are connected, to say why a task waits. */
  readonly runners: readonly RunnerInfo[];
  /** Children of one task beyond this number are only counted. */
  readonly maxChildren: number;
  /** Levels below this number are only counted; 1 shows the root tasks alone. */
  readonly maxLevels: number;
}

/** Deeper levels are not moved further to the right; a number tells their depth. */
const maxIndent = 24;

interface Pending {
  readonly node: TaskNode | Counts;
  readonly prefix: string;
  readonly branch: string;
  readonly depth: number;
}

/** Draws a tree of tasks, line by line, so that a large one need not be held as text. */
export function* renderTree(roots: readonly TaskNode[], options: TreeOptions): Generator<string> {
  const pending: Pending[] = level(roots, "", 0, options).reverse();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, prefix, branch, depth } = next;
    const rails = options.style("gray", prefix + branch);
    if (!("task" in node)) {
      yield `${rails}… ${formatCountOf(countAll(node), "more task")}: ${describeCounts(node, options.style)}`;
      continue;
    }
    yield rails + taskLine(node.task, options);
    pending.push(...level(node.children, childPrefix(next), depth + 1, options).reverse());
  }
}

/** Tasks beside one another, and the count of those that are not shown. */
function level(nodes: readonly TaskNode[], prefix: string, depth: number, options: TreeOptions): Pending[] {
  const most = depth < options.maxLevels ? options.maxChildren : 0;
  // One line for a single task that is left out would say less than the task itself.
  const shown = nodes.length === most + 1 && most > 0 ? nodes : nodes.slice(0, most);
  const hidden = nodes.slice(shown.length);
  const entries: (TaskNode | Counts)[] = [...shown];
  if (hidden.length > 0) entries.push(sumCounts(hidden));
  return entries.map((node, index) => {
    const branch = depth === 0 ? "" : index === entries.length - 1 ? "└ " : "├ ";
    return { node, prefix: depth > maxIndent ? `(${formatCount(depth)}) ` : prefix, branch, depth };
  });
}

function childPrefix({ prefix, branch, depth }: Pending): string {
  if (depth === 0) return "";
  return depth > maxIndent ? "" : prefix + (branch === "├ " ? "│ " : "  ");
}

function sumCounts(nodes: readonly TaskNode[]): Counts {
  const counts = noCounts();
  for (const node of nodes) addCounts(counts, node.counts);
  return counts;
}

function taskLine(task: JobTask, options: TreeOptions): string {
  const { style } = options;
  const identifier = oneLine(task.identifier.join("@"));
  const display = oneLine(task.display);
  const title =
    display === "" || display === task.identifier[0] ? identifier : `${display}  ${style("dim", identifier)}`;
  const parts = [`${taskIcon(task.state, style)} ${title}`, stateText(task, options), ...notes(task, options)];
  return parts.filter((part) => part !== "").join("  ");
}

function stateText(task: JobTask, options: TreeOptions): string {
  const word = taskWord(task.state, options.style);
  if (task.state === "QUEUED") return `${word}: ${whyQueued(task, options.runners, options.now)}`;
  if (task.startedAt === undefined || task.state === "SKIPPED") return word;
  const end = task.state === "RUNNING" ? options.now : task.stoppedAt?.getTime();
  if (end === undefined) return word;
  const duration = formatDuration(end - task.startedAt.getTime());
  return `${word} ${task.state === "RUNNING" ? "for" : "in"} ${duration}`;
}

function notes(task: JobTask, { style }: TreeOptions): string[] {
  const attempts = task.attempt > 1 ? style("yellow", `attempt ${formatCount(task.attempt)}`) : "";
  const crashes = task.crashes > 0 ? style("yellow", formatCountOf(task.crashes, "lost runner")) : "";
  const optional = task.optional ? style("dim", "optional") : "";
  const progress = task.progress.map(({ label, done, total }) =>
    style("dim", `${oneLine(label) || "progress"} ${formatCount(done)}/${formatCount(total)}`),
  );
  const failure = task.error === undefined ? "" : style("red", describeError(task.error));
  return [attempts, crashes, optional, ...progress, failure];
}
