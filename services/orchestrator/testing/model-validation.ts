import type { GroupSpec, TaskSet } from "../domain/submission.ts";

/** Which sets of subtasks the reference model refuses, as far as the random ones can be wrong. */

/** The subtasks of parts 0 to `parts` and of the outcome as one set; null when parts are missing or go on out of turn. */
export function joinSets(staged: ReadonlyMap<number, TaskSet>, inline: TaskSet | null, parts: number): TaskSet | null {
  const sets: TaskSet[] = [];
  for (let number = 0; number < parts; number++) {
    const set = staged.get(number);
    if (set === undefined) return null;
    sets.push(set);
  }
  if (staged.size !== parts) return null;
  if (inline !== null && inline.groups.length > 0) sets.push(inline);
  let joined: TaskSet = { templates: [], groups: [], firstGroup: 0 };
  for (const set of sets) {
    const next = append(joined, set);
    if (next === null) return null;
    joined = next;
  }
  return joined;
}

function append(before: TaskSet, set: TaskSet): TaskSet | null {
  const templates = [...before.templates, ...set.templates];
  const groups: GroupSpec[] = [...before.groups];
  const moved = set.groups.map((group) => ({
    dependsOn: group.dependsOn,
    tasks: group.tasks.map((task) => ({ ...task, template: task.template + before.templates.length })),
  }));
  const last = groups.at(-1);
  if (set.firstGroup === groups.length - 1 && last !== undefined) {
    const first = moved.shift();
    if (first === undefined || first.dependsOn.length > 0) return null;
    groups[groups.length - 1] = { dependsOn: last.dependsOn, tasks: [...last.tasks, ...first.tasks] };
  } else if (set.firstGroup !== groups.length) {
    return null;
  }
  return { templates, groups: [...groups, ...moved], firstGroup: 0 };
}

/** What is wrong with a set whatever else belongs to the same submission. */
export function refusesPart(set: TaskSet, clusters: readonly string[]): boolean {
  return set.templates.some(({ cluster }) => cluster !== "" && !clusters.includes(cluster));
}

export function refusesWhole(set: TaskSet, clusters: readonly string[]): boolean {
  if (refusesPart(set, clusters)) return true;
  return set.groups.some(
    ({ dependsOn }, index) =>
      dependsOn.some((other) => set.groups[other] === undefined) || reaches(set, index, index, new Set()),
  );
}

/** Whether a group depends on `target`, over any number of steps. */
function reaches(set: TaskSet, from: number, target: number, seen: Set<number>): boolean {
  for (const next of set.groups[from]?.dependsOn ?? []) {
    if (next === target) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    if (reaches(set, next, target, seen)) return true;
  }
  return false;
}
