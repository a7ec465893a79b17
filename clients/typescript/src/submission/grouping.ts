import { type DependencySets, noDependencies } from "./dependency-sets.ts";

/** Tasks that share the same dependencies and the same dependents. */
export interface Group {
  /** Indices of groups, each below the group's own. */
  readonly dependsOn: readonly number[];
  /** Indices of tasks, in the order of their submission. */
  readonly tasks: readonly number[];
}

/**
 * Puts tasks into groups: two tasks share a group exactly when they have the same dependencies and the same dependents.
 *
 * Two tasks have the same dependents exactly when they are in the same dependency sets, so it suffices to take one set after the other and
 * to split every group that lies in it only partly (partition refinement). That costs the summed size of the distinct sets, not the
 * number of edges. `setIds[i]` is the dependency set of task i.
 */
export function groupTasks(setIds: readonly number[], sets: DependencySets): Group[] {
  const classes = refine(setIds, sets);
  const groups: { setId: number; tasks: number[] }[] = [];
  const groupOfClass = new Map<number, number>();
  const groupOfTask = classes.map((taskClass, task) => {
    let group = groupOfClass.get(taskClass);
    if (group === undefined) {
      group = groups.push({ setId: setIds[task] ?? noDependencies, tasks: [] }) - 1;
      groupOfClass.set(taskClass, group);
    }
    groups[group]?.tasks.push(task);
    return group;
  });
  const edgesOf = memoize((setId) => distinctGroups(sets.members(setId), groupOfTask));
  return groups.map(({ setId, tasks }) => ({ dependsOn: edgesOf(setId), tasks }));
}

/** Class of each task; equal classes, same group. */
function refine(setIds: readonly number[], sets: DependencySets): number[] {
  const classes = [...setIds];
  let nextClass = sets.size;
  for (let setId = 0; setId < sets.size; setId++) {
    const split = new Map<number, number>();
    for (const task of sets.members(setId)) {
      const old = classes[task] ?? 0;
      let fresh = split.get(old);
      if (fresh === undefined) {
        fresh = nextClass++;
        split.set(old, fresh);
      }
      classes[task] = fresh;
    }
  }
  return classes;
}

function distinctGroups(tasks: readonly number[], groupOfTask: readonly number[]): number[] {
  return [...new Set(tasks.map((task) => groupOfTask[task] ?? 0))].sort((a, b) => a - b);
}

function memoize(compute: (setId: number) => readonly number[]): (setId: number) => readonly number[] {
  const known = new Map<number, readonly number[]>();
  return (setId) => {
    let value = known.get(setId);
    if (value === undefined) {
      value = compute(setId);
      known.set(setId, value);
    }
    return value;
  };
}
