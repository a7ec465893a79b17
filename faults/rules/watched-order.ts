import type { TaskState } from "taskgrove";
import type { LogEntry } from "../evidence.ts";
import { allTellings, isDone, type JobCase, retold } from "../job-case.ts";
import type { Violation } from "../violation.ts";
import { logIsTrue } from "./books.ts";
import { nothingStartsWhileHalted } from "./halts.ts";
import { grantedTooEarly } from "./order.ts";

/**
 * Cause comes before effect, whoever watches and whenever: a subtask behind the end of its parent, a grant behind the end of all that it depends on
 * with everything below that, and no grant behind the halt of the job. The end of a job comes behind all that brought it about. The steps of
 * each task are such as there are, and lead to what is stored.
 */
export function watchTellsCausesFirst(jobCase: JobCase): Violation[] {
  const { job, plan } = jobCase;
  return allTellings(job).flatMap(({ who, told }) => {
    const own = retold(jobCase, told);
    const problem = subtaskTooEarly(own) ?? grantTooEarly(own) ?? endTooEarly(told) ?? brokenRule(own);
    if (problem === undefined) return [];
    const message = `${who} of ${plan.key} was told an effect before its cause: ${problem.what}`;
    return [{ rule: "watch-tells-causes-first", message, jobId: job.id, key: plan.key, taskIds: problem.taskIds }];
  });
}

interface Problem {
  readonly what: string;
  readonly taskIds: readonly string[];
}

function subtaskTooEarly({ steps, tasks }: JobCase): Problem | undefined {
  const computed = new Set<string>();
  for (const { taskId, state } of steps) {
    if (state === "COMPUTED") computed.add(taskId);
    const parentId = tasks.get(taskId)?.parentId;
    if (parentId === undefined || computed.has(parentId)) continue;
    return { what: `${taskId} comes before the end of its parent ${parentId}`, taskIds: [taskId, parentId] };
  }
  return undefined;
}

function grantTooEarly(own: JobCase): Problem | undefined {
  const [found] = grantedTooEarly(own);
  if (found === undefined) return undefined;
  const { task, earlier } = found;
  const what = `${task.id} was granted before the end of ${earlier.id}, which it depends on`;
  return { what, taskIds: [task.id, earlier.id] };
}

/** A job that is completed has nothing left to tell; one that fails has told of the task that failed it. */
function endTooEarly(told: readonly LogEntry[]): Problem | undefined {
  const states = new Map<string, TaskState>();
  let before: string | undefined;
  for (const { tasks, job } of told) {
    const [first] = tasks;
    if (before === "COMPLETED" && first !== undefined) {
      return { what: `${first.taskId} came to ${first.state} after the job was COMPLETED`, taskIds: [first.taskId] };
    }
    for (const { taskId, state } of tasks) states.set(taskId, state);
    if (job === undefined) continue;
    const { state, failedTaskId = "" } = job;
    const open = state === "COMPLETED" ? [...states].find(([, own]) => !isDone({ state: own })) : undefined;
    if (open !== undefined) return { what: `the job was COMPLETED while ${open.join(" was ")}`, taskIds: [open[0]] };
    if (state === "FAILED" && before !== "FAILED" && states.get(failedTaskId) !== "FAILED") {
      const what = `the job was FAILED while ${failedTaskId || "no task"} was ${states.get(failedTaskId) ?? "not there"}`;
      return { what, taskIds: [failedTaskId] };
    }
    before = state;
  }
  return undefined;
}

function brokenRule(own: JobCase): Problem | undefined {
  const [broken] = [...logIsTrue(own), ...nothingStartsWhileHalted(own)];
  return broken && { what: broken.message, taskIds: broken.taskIds ?? [] };
}
