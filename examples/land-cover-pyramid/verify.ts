import { readFile } from "node:fs/promises";
import type { JobTask, JobTree, TaskNode, TaskState } from "taskgrove";
import { loadCoastline, WORLD } from "./geometry.ts";
import { countDifferentPixels, drawPicture } from "./picture.ts";
import { rasterise } from "./raster.ts";

/** One thing that was looked at, in a sentence, and whether it is as it should be. */
export type Finding = Readonly<{ ok: boolean; text: string }>;

/** What happened in a job, counted over its tasks. */
export type JobSummary = Readonly<{ tasks: number; failedAttempts: number; lostAttempts: number }>;

/** Tasks of a map of this zoom: the root, splits, leaves, merges, one picture, and four for the decoration. */
export function expectedTasks(zoom: number): number {
  const leaves = 4 ** zoom;
  const merges = (leaves - 1) / 3;
  return 1 + (merges - 1) + leaves + merges + 1 + 4;
}

/** All tasks of a tree. */
export function tasksOf(tree: JobTree): JobTask[] {
  const below = (node: TaskNode): JobTask[] => [node, ...node.children.flatMap(below)];
  return tree.roots.flatMap(below);
}

/** Counts tasks, and attempts that failed or were lost with their runner. */
export function summarise(tasks: readonly JobTask[]): JobSummary {
  const sum = (count: (task: JobTask) => number) => tasks.reduce((total, task) => total + count(task), 0);
  return {
    tasks: tasks.length,
    failedAttempts: sum(({ failures }) => failures),
    lostAttempts: sum(({ crashes }) => crashes),
  };
}

/** Compares the picture on disk, pixel by pixel, with one that is drawn here in one go: same coast, no tiles, no tasks. */
export async function checkPicture(file: string, side: number): Promise<Finding> {
  const straight = rasterise(loadCoastline(), WORLD, side);
  const different = countDifferentPixels(await readFile(file), drawPicture(straight));
  const land = `${(straight.landFraction * 100).toFixed(1)} % of the surface is land`;
  if (different > 0)
    return { ok: false, text: `${different} of ${side * side} pixels differ from a straight rendering` };
  return { ok: true, text: `all ${side * side} pixels equal those of a straight rendering without tiles; ${land}` };
}

/** Checks that the tree grew to its full size and that every task ended as it should: only the decoration may have failed. */
export function checkTasks(tasks: readonly JobTask[], zoom: number): Finding[] {
  const unusual = tasks
    .filter(({ state }) => state !== "COMPLETED")
    .map(({ identifier, state }) => `${identifier[0]} ${state}`);
  const expected: [string, TaskState][] = [
    ["DrawCityLights", "FAILED_OPTIONAL"],
    ["WriteDecoratedPicture", "SKIPPED"],
  ];
  const asExpected = unusual.sort().join(", ") === expected.map((pair) => pair.join(" ")).join(", ");
  return [
    {
      ok: tasks.length === expectedTasks(zoom),
      text: `${tasks.length} tasks ran, ${expectedTasks(zoom)} were expected`,
    },
    { ok: asExpected, text: `all tasks are COMPLETED except those of the optional decoration: ${unusual.join(", ")}` },
  ];
}
