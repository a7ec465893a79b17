import type { JobPlan, StepGroup, StepPlan } from "./plan.ts";

/** What a task is submitted with. */
export interface StepInput {
  readonly plan: StepPlan;
  /** Where it stands in the plan of its job: `GROUP.INDEX` for each level, from the root on. */
  readonly path: string;
  /** The attempt of the parent that submitted it; empty for a root task. */
  readonly by: string;
}

/** One task that must exist when its parent has been computed. */
export interface PlannedStep {
  readonly path: string;
  readonly plan: StepPlan;
  /** Empty for a root task. */
  readonly parentPath: string;
  /** Paths of the tasks next to it that must be done, with everything below them, before it starts. */
  readonly dependsOn: readonly string[];
}

/** Path of a task below `parentPath`. */
export function pathOf(parentPath: string, group: number, index: number): string {
  return `${parentPath === "" ? "" : `${parentPath}/`}${group}.${index}`;
}

/** Paths of the tasks of one group. */
export function pathsOfGroup(parentPath: string, groups: readonly StepGroup[], group: number): string[] {
  return (groups[group]?.steps ?? []).map((_, index) => pathOf(parentPath, group, index));
}

/** All tasks that a job can come to have, by path, parents first. */
export function allSteps(job: JobPlan): Map<string, PlannedStep> {
  const steps = new Map<string, PlannedStep>();
  const add = (parentPath: string, groups: readonly StepGroup[]) => {
    for (const [number, { dependsOn, steps: plans }] of groups.entries()) {
      const dependencies = dependsOn.flatMap((before) => pathsOfGroup(parentPath, groups, before));
      for (const [index, plan] of plans.entries()) {
        const path = pathOf(parentPath, number, index);
        steps.set(path, { path, plan, parentPath, dependsOn: dependencies });
        add(path, plan.groups ?? []);
      }
    }
  };
  add("", job.groups);
  return steps;
}
