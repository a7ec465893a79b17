import { groupBy, type JobCase, nameOf, type OrderedStep } from "../job-case.ts";
import type { Violation } from "../violation.ts";

/** Attempt numbers only go up, by one with each grant, and nothing of an earlier attempt comes after a later one. */
export function attemptsGoUp({ job, plan, tasks, stepsOf }: JobCase): Violation[] {
  return [...stepsOf].flatMap(([taskId, steps]) => {
    let attempt = 0;
    for (const step of steps) {
      if (step.attempt !== attempt + (step.isGrant ? 1 : 0)) {
        const message = `the log of ${plan.key} has ${taskId} come to ${step.state} in attempt ${step.attempt} after attempt ${attempt}`;
        return [{ rule: "attempts-go-up" as const, message, jobId: job.id, key: plan.key, taskIds: [taskId] }];
      }
      attempt = step.attempt;
    }
    const stored = tasks.get(taskId)?.attempt;
    if (stored === undefined || stored === attempt) return [];
    const message = `${taskId} of ${plan.key} is stored with attempt ${stored}; the log ends with attempt ${attempt}`;
    return [{ rule: "attempts-go-up" as const, message, jobId: job.id, key: plan.key, taskIds: [taskId] }];
  });
}

/** A task is computed at most once, and each attempt is settled at most once: behind an accepted outcome its lease counts no more. */
export function oneOutcome({ job, plan, stepsOf }: JobCase): Violation[] {
  return [...stepsOf].flatMap(([taskId, steps]) => {
    const problems: string[] = [];
    const computed = steps.filter(({ state }, index) => isComputed(state) && !isComputed(steps[index - 1]?.state));
    if (computed.length > 1) problems.push(`was computed ${computed.length} times`);
    for (const [attempt, own] of groupBy(steps, (step) => step.attempt)) {
      const first = own.findIndex(isSettled);
      const again = own.find((step, index) => {
        if (first < 0 || index <= first) return false;
        return step.state === "RUNNING" || (isSettled(step) && !isClosing(step, own[index - 1]));
      });
      if (again !== undefined) {
        problems.push(`came to ${again.state} in attempt ${attempt}, which had been settled as ${own[first]?.state}`);
      }
    }
    return problems.map((problem) => {
      const message = `${taskId} of ${plan.key} ${problem}`;
      return { rule: "one-outcome" as const, message, jobId: job.id, key: plan.key, taskIds: [taskId] };
    });
  });
}

/** An attempt runs at one runner, once, and only when it was granted. */
export function oneExecution({ job, plan, tasks, executions, stepsOf }: JobCase): Violation[] {
  return [...executions].flatMap(([taskId, runs]) => {
    const problems: string[] = [];
    for (const [attempt, own] of groupBy(runs, (run) => run.attempt)) {
      const where = own.map(({ runner }) => runner).join(" and ");
      if (own.length > 1) problems.push(`attempt ${attempt} was executed ${own.length} times, by ${where}`);
      const isGranted = stepsOf.get(taskId)?.some((step) => step.isGrant && step.attempt === attempt);
      if (!isGranted) problems.push(`attempt ${attempt} was executed by ${where} and granted to nobody`);
    }
    const task = tasks.get(taskId);
    if (task === undefined) problems.push("it is not stored");
    const name = task === undefined ? `task ${taskId}` : nameOf(task);
    return problems.map((problem) => {
      const message = `${name} of ${plan.key}: ${problem}`;
      return { rule: "one-execution" as const, message, jobId: job.id, key: plan.key, taskIds: [taskId] };
    });
  });
}

/** The outcome that the store has taken is that of an execution which reported it, in the attempt that the store names. */
export function outcomeIsReported({ job, plan, tasks, executions, stepsOf }: JobCase): Violation[] {
  return [...tasks.values()].flatMap((task) => {
    const accepted = stepsOf.get(task.id)?.find(({ state }) => isComputed(state));
    if (accepted === undefined) return [];
    const execution = executions.get(task.id)?.find(({ run }) => run === task.display);
    if (execution?.end?.result === "computed" && execution.attempt === accepted.attempt) return [];
    const what =
      execution === undefined
        ? `an execution ${JSON.stringify(task.display)} that no runner wrote down`
        : `the one in attempt ${execution.attempt} at ${execution.runner}, which ended as ${execution.end?.result ?? "nothing"}`;
    const message = `${nameOf(task)} of ${plan.key} was computed in attempt ${accepted.attempt}, by ${what}`;
    return [{ rule: "outcome-is-reported", message, jobId: job.id, key: plan.key, taskIds: [task.id] }];
  });
}

function isComputed(state: OrderedStep["state"] | undefined): boolean {
  return state === "COMPUTED" || state === "COMPLETED";
}

/** Whether the step is the end of an attempt by an outcome, or by its timeout. */
function isSettled({ state, failure }: OrderedStep): boolean {
  return isComputed(state) || state === "FAILED" || state === "FAILED_OPTIONAL" || failure !== undefined;
}

/** What comes behind COMPUTED by what happens below the task, not by an outcome. */
function isClosing({ state }: OrderedStep, before: OrderedStep | undefined): boolean {
  return state === "COMPLETED" && before?.state === "COMPUTED";
}
