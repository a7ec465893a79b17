import { type JobCase, nameOf } from "../job-case.ts";
import type { Violation } from "../violation.ts";

/**
 * Completion and subtasks are one step: a task that was computed has exactly the subtasks of its plan, once, all by the execution whose outcome was
 * taken; any other has none. The root tasks are those of the plan.
 */
export function subtasksExact(jobCase: JobCase): Violation[] {
  const { job, plan, planned, children } = jobCase;
  const violation = (message: string, taskIds: readonly string[]) =>
    ({ rule: "subtasks-exact", message: `${message} of ${plan.key}`, jobId: job.id, key: plan.key, taskIds }) as const;
  const expected = Map.groupBy(planned.values(), ({ parentPath }) => parentPath);
  const compare = (parentPath: string, parentId: string, name: string, exist: boolean) => {
    const wanted = exist ? (expected.get(parentPath) ?? []).map(({ path }) => path) : [];
    const found = (children.get(parentId) ?? []).map(({ path }) => path);
    if (isSame(wanted, found)) return [];
    const what = `${name} has ${found.length} subtasks (${brief(found)}) instead of ${wanted.length} (${brief(wanted)})`;
    return [violation(what, [parentId, ...(children.get(parentId) ?? []).map(({ id }) => id)])];
  };
  const roots = compare("", "", "the root", true);
  const below = job.tasks.flatMap((task) => {
    const isComputed = task.state === "COMPUTED" || task.state === "COMPLETED";
    const strangers = (children.get(task.id) ?? []).filter(({ by }) => by !== task.display);
    return [
      ...compare(task.path, task.id, nameOf(task), isComputed),
      ...strangers.map((one) =>
        violation(`${nameOf(one)} was submitted by an execution of ${nameOf(task)} whose outcome was not taken`, [
          task.id,
          one.id,
        ]),
      ),
    ];
  });
  return [...roots, ...below];
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  const sorted = [...other].sort();
  return one.length === other.length && [...one].sort().every((path, index) => path === sorted[index]);
}

function brief(paths: readonly string[]): string {
  return paths.length <= 5 ? paths.join(", ") || "none" : `${paths.slice(0, 5).join(", ")} ...`;
}
