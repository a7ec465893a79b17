import type { LogEntry } from "../evidence.ts";
import { isHalted, type JobCase, resumedTellings, retold } from "../job-case.ts";
import type { Violation } from "../violation.ts";

/**
 * A watch that was cut and resumed, here and there, tells every change once: with what a watch tells that goes on behind it, it is the log, however
 * the job ended. With one orchestrator that is one order. Of several each writes a log of its own for a job, and readers merge them as they find
 * them: the steps of one task are those of the log, in that order, and so are those of the job (halted, going on again, ended); what has
 * nothing to do with each other may come in any order.
 */
export function watchIsWhole(jobCase: JobCase): Violation[] {
  const { job, plan, hasOneWriter } = jobCase;
  return resumedTellings(job).flatMap(({ who, told }) => {
    const own = retold(jobCase, told);
    const problem = hasOneWriter ? otherOrder(told, job.log) : (otherSteps(own, jobCase) ?? otherLives(told, job.log));
    if (problem === undefined) return [];
    const message = `${who} of ${plan.key} was told otherwise than its log: ${problem.what}`;
    return [{ rule: "watch-is-whole", message, jobId: job.id, key: plan.key, taskIds: problem.taskIds }];
  });
}

interface Problem {
  readonly what: string;
  readonly taskIds: readonly string[];
}

function otherOrder(told: readonly LogEntry[], log: readonly LogEntry[]): Problem | undefined {
  const [found, written] = [flatten(told), flatten(log)];
  for (let index = 0; index < Math.max(found.length, written.length); index++) {
    const [one, other] = [found[index], written[index]];
    if (one?.text === other?.text) continue;
    const what = `change ${index + 1} is ${one?.text ?? "missing"}, not ${other?.text ?? "missing"}`;
    return { what, taskIds: [one?.taskId, other?.taskId].filter((id) => id !== undefined) };
  }
  return undefined;
}

/** Without the borders of responses. */
function flatten(entries: readonly LogEntry[]): { readonly text: string; readonly taskId?: string }[] {
  return entries.flatMap(({ tasks, job }) => [
    ...tasks.map(({ taskId, state, attempt }) => ({ text: `${taskId} ${state} in attempt ${attempt}`, taskId })),
    ...(job === undefined ? [] : [{ text: `job ${job.state}` }]),
  ]);
}

function otherSteps(own: JobCase, { stepsOf }: JobCase): Problem | undefined {
  for (const taskId of new Set([...own.stepsOf.keys(), ...stepsOf.keys()])) {
    const [told, written] = [describe(own, taskId), describe({ stepsOf }, taskId)];
    if (told !== written) return { what: `${taskId} came to ${told}, not to ${written}`, taskIds: [taskId] };
  }
  return undefined;
}

function describe({ stepsOf }: Pick<JobCase, "stepsOf">, taskId: string): string {
  const steps = stepsOf.get(taskId) ?? [];
  return steps.map(({ state, attempt }) => `${state} in attempt ${attempt}`).join(", ") || "nothing";
}

/** Each halt and each end of a job follows from all that was before, so every reader is told of them in one order. */
function otherLives(told: readonly LogEntry[], log: readonly LogEntry[]): Problem | undefined {
  const [found, written] = [lives(told), lives(log)];
  return found === written ? undefined : { what: `the job was ${found}, not ${written}`, taskIds: [] };
}

/** Open or how it ended, one after the other; once more for each response that tells of the job alone. */
function lives(entries: readonly LogEntry[]): string {
  let last = "";
  const told = entries.flatMap(({ tasks, job }) => {
    if (job === undefined) return [];
    const life = isHalted(job.state) || job.state === "COMPLETED" ? job.state : "open";
    if (life === last && tasks.length > 0) return [];
    last = life;
    return [life];
  });
  return told.join(", ");
}
