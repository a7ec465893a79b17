import type { LogEntry, LogStep } from "../evidence.ts";
import { groupBy, type JobCase } from "../job-case.ts";
import type { Violation } from "../violation.ts";

/**
 * A watch that was cut and resumed, here and there, tells every change once and in order. With one orchestrator that is one order, the log's. Of
 * several each writes a log of its own for a job, and readers merge them as they find them: cause comes before effect, and what has nothing to do with
 * each other may come in any order. So the steps of one task are those of the log, in that order, subtasks come behind their parent's end, and of a
 * completed job nothing is missing.
 */
export function watchIsTrue(jobCase: JobCase): Violation[] {
  const { job, plan, hasOneWriter } = jobCase;
  const problem = hasOneWriter ? otherOrder(job.live, job.log) : (otherSteps(jobCase) ?? effectBeforeCause(jobCase));
  if (problem === undefined) return [];
  const message = `a watcher of ${plan.key} was told otherwise than its log: ${problem.what}`;
  return [{ rule: "watch-is-true", message, jobId: job.id, key: plan.key, taskIds: problem.taskIds }];
}

interface Problem {
  readonly what: string;
  readonly taskIds: readonly string[];
}

function otherOrder(live: readonly LogEntry[], log: readonly LogEntry[]): Problem | undefined {
  const [told, written] = [flatten(live), flatten(log)];
  const wrong = told.findIndex((change, index) => change !== written[index]);
  if (wrong < 0) return undefined;
  const what = `change ${wrong + 1} is ${told[wrong]}, not ${written[wrong] ?? "the last"}`;
  return { what, taskIds: live.flatMap(({ tasks }) => tasks.map(({ taskId }) => taskId)) };
}

/** Without the borders of responses, which may be drawn anew when a watch is resumed. */
function flatten(entries: readonly LogEntry[]): string[] {
  return entries.flatMap(({ tasks, job }) => [
    ...tasks.map((step) => `${step.taskId} ${describe(step)}`),
    ...(job === undefined ? [] : [`job ${job.state}`]),
  ]);
}

function otherSteps({ job, stepsOf }: JobCase): Problem | undefined {
  const told = groupBy(stepsIn(job.live), ({ taskId }) => taskId);
  const isWhole = job.state === "COMPLETED";
  for (const taskId of new Set([...told.keys(), ...(isWhole ? stepsOf.keys() : [])])) {
    const own = (told.get(taskId) ?? []).map(describe);
    const written = (stepsOf.get(taskId) ?? []).map(describe);
    const expected = isWhole ? written : written.slice(0, own.length);
    if (own.join() !== expected.join()) {
      return { what: `${taskId} came to ${own.join(", ")}, not ${expected.join(", ")}`, taskIds: [taskId] };
    }
  }
  return undefined;
}

function effectBeforeCause({ job, tasks }: JobCase): Problem | undefined {
  const computed = new Set<string>();
  for (const { taskId, state } of stepsIn(job.live)) {
    if (state === "COMPUTED") computed.add(taskId);
    const parentId = tasks.get(taskId)?.parentId;
    if (parentId === undefined || computed.has(parentId)) continue;
    return { what: `${taskId} comes before the end of its parent ${parentId}`, taskIds: [taskId, parentId] };
  }
  return undefined;
}

function stepsIn(entries: readonly LogEntry[]): LogStep[] {
  return entries.flatMap(({ tasks }) => tasks);
}

function describe({ state, attempt }: LogStep): string {
  return `${state} in attempt ${attempt}`;
}
