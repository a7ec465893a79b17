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
  /** Children of one task and one identifier beyond this number are only counted. */
  readonly maxChildren: number;
  /** Levels below this number are only counted; 1 shows the root tasks alone. */
  readonly maxLevels: number;
}

/** Deeper levels are not moved further to the right; a number tells their depth. */
const maxIndent = 24;

/** Tasks that are not shown, of one identifier. */
interface Hidden {
  readonly identifier: string;
  readonly size: number;
  /** With all tasks below them. */
  readonly counts: Counts;
}

interface Pending {
  readonly entry: TaskNode | Hidden;
  readonly prefix: string;
  readonly branch: string;
  readonly depth: number;
}

/** Draws a tree of tasks, line by line, so that a large one need not be held as text. */
export function* renderTree(roots: readonly TaskNode[], options: TreeOptions): Generator<string> {
  const pending = level(roots, "", 0, options).reverse();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { entry, prefix, branch, depth } = next;
    const rails = options.style("gray", prefix + branch);
    if ("task" in entry) {
      yield rails + taskLine(entry.task, options);
      pending.push(...level(entry.children, childPrefix(next), depth + 1, options).reverse());
    } else {
      yield rails + hiddenLine(entry, options.style);
    }
  }
}

/** Tasks beside one another, and the counts of those that are not shown. */
function level(nodes: readonly TaskNode[], prefix: string, depth: number, options: TreeOptions): Pending[] {
  const entries = depth < options.maxLevels ? chooseShown(nodes, options.maxChildren) : [...sumHidden(nodes)];
  return entries.map((entry, index) => {
    const branch = depth === 0 ? "" : index === entries.length - 1 ? "└ " : "├ ";
    return { entry, prefix: depth > maxIndent ? `(${formatCount(depth)}) ` : prefix, branch, depth };
  });
}

/** For each identifier at most so many tasks, in their order: those in which something failed or runs before others. */
function chooseShown(nodes: readonly TaskNode[], most: number): (TaskNode | Hidden)[] {
  const byIdentifier = Map.groupBy(nodes, identifierOf);
  const hidden = new Set<TaskNode>();
  for (const group of byIdentifier.values()) {
    // One line for a single task that is left out would say less than the task itself.
    if (group.length <= most + 1) continue;
    for (const node of group.toSorted((a, b) => urgency(a.counts) - urgency(b.counts)).slice(most)) hidden.add(node);
  }
  return [...nodes.filter((node) => !hidden.has(node)), ...sumHidden(nodes.filter((node) => hidden.has(node)))];
}

function urgency(counts: Counts): number {
  if (counts.FAILED > 0) return 0;
  return counts.RUNNING > 0 ? 1 : 2;
}

function* sumHidden(nodes: readonly TaskNode[]): Generator<Hidden> {
  for (const [identifier, group] of Map.groupBy(nodes, identifierOf)) {
    const counts = noCounts();
    for (const node of group) addCounts(counts, node.counts);
    yield { identifier, size: group.length, counts };
  }
}

function hiddenLine({ identifier, size, counts }: Hidden, style: Style): string {
  const all = countAll(counts);
  const below = all === size ? "" : `, with all below ${formatCountOf(all, "task")}`;
  return `… ${formatCount(size)} × ${identifier}${below}: ${describeCounts(counts, style)}`;
}

function identifierOf({ task }: TaskNode): string {
  return oneLine(task.identifier.join("@"));
}

function childPrefix({ prefix, branch, depth }: Pending): string {
  if (depth === 0) return "";
  return depth > maxIndent ? "" : prefix + (branch === "├ " ? "│ " : "  ");
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
