import type { StoredTask } from "../evidence.ts";
import { type Execution, isDone, type JobCase, nameOf, subtree } from "../job-case.ts";
import type { Violation } from "../violation.ts";

/**
 * Nothing starts before what it depends on is done, with everything below that, grandchildren included. Two clocks are asked: the runners', by
 * which the execution whose outcome was taken has ended before the dependent starts, and the log's.
 */
export function dependenciesFirst(jobCase: JobCase): Violation[] {
  return dependencies(jobCase).flatMap(({ task, earlier }) => mustBeDone(jobCase, earlier, task));
}

/** All tasks with all that must be done before they start. */
function dependencies(jobCase: JobCase): { readonly task: StoredTask; readonly earlier: StoredTask }[] {
  const { job, planned, byPath } = jobCase;
  return job.tasks.flatMap((task) => {
    const before = (planned.get(task.path)?.dependsOn ?? []).flatMap((path) => byPath.get(path) ?? []);
    return before.flatMap((root) => subtree(jobCase, root)).map((earlier) => ({ task, earlier }));
  });
}

/** A subtask exists because its parent was computed: it starts after the execution that submitted it has ended. */
export function parentFirst(jobCase: JobCase): Violation[] {
  const { job, plan, tasks, executions } = jobCase;
  return job.tasks.flatMap((task) => {
    const parent = tasks.get(task.parentId ?? "");
    if (parent === undefined) return [];
    const end = acceptedEnd(jobCase, parent);
    const early = executions.get(task.id)?.find(({ startedAt }) => end === undefined || startedAt < end);
    if (early === undefined) return [];
    const message = `${nameOf(task)} of ${plan.key} was started by ${early.runner} before its parent ${nameOf(parent)} was computed`;
    return [{ rule: "parent-first", message, jobId: job.id, key: plan.key, taskIds: [task.id, parent.id] }];
  });
}

/** The same by the log alone: what comes there before the end of something that it depends on. */
export function grantedTooEarly(jobCase: JobCase): { readonly task: StoredTask; readonly earlier: StoredTask }[] {
  return dependencies(jobCase).filter(({ task, earlier }) => grantBeforeDone(jobCase, earlier, task) !== undefined);
}

function mustBeDone(jobCase: JobCase, earlier: StoredTask, task: StoredTask): Violation[] {
  const { job, plan } = jobCase;
  const found = startBeforeEnd(jobCase, earlier, task) ?? grantBeforeDone(jobCase, earlier, task);
  if (found === undefined) return [];
  const message = `${nameOf(task)} of ${plan.key} ${found} ${nameOf(earlier)}, which it depends on`;
  return [{ rule: "dependencies-first", message, jobId: job.id, key: plan.key, taskIds: [task.id, earlier.id] }];
}

function startBeforeEnd(jobCase: JobCase, earlier: StoredTask, task: StoredTask): string | undefined {
  const end = acceptedEnd(jobCase, earlier);
  const early = jobCase.executions.get(task.id)?.find(({ startedAt }) => end !== undefined && startedAt < end);
  if (early === undefined || end === undefined) return undefined;
  return `was started by ${early.runner} ${(end - early.startedAt).toFixed(3)} ms before the end of`;
}

function grantBeforeDone({ stepsOf }: JobCase, earlier: StoredTask, task: StoredTask): string | undefined {
  const granted = stepsOf.get(task.id)?.find(({ isGrant }) => isGrant);
  if (granted === undefined) return undefined;
  const done = stepsOf.get(earlier.id)?.find(isDone);
  return done !== undefined && done.place < granted.place ? undefined : "was granted, says the log, before the end of";
}

/** When the execution ended whose outcome was taken. */
function acceptedEnd({ executions }: JobCase, task: StoredTask): number | undefined {
  if (task.state !== "COMPUTED" && task.state !== "COMPLETED") return undefined;
  const accepted: Execution | undefined = executions.get(task.id)?.find(({ run }) => run === task.display);
  return accepted?.end?.at;
}
