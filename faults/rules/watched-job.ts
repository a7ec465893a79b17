import type { JobState, TaskState } from "taskgrove";
import type { LogEntry } from "../evidence.ts";
import { allTellings, isHalted, type JobCase } from "../job-case.ts";
import type { Violation } from "../violation.ts";

/**
 * What is told of the job itself fits what is told of its tasks: it is RUNNING while one of them is, STARTED when there was a grant, SUBMITTED
 * before. A completed job stays so; one that is halted goes on only when that was asked for. The last that is told is what is stored.
 */
export function watchShowsTheJob(jobCase: JobCase): Violation[] {
  const { job, plan, requests } = jobCase;
  const retries = requests.filter(({ act, step }) => act === "retry" && step === "sent").length;
  return allTellings(job).flatMap(({ who, told }) => {
    const states = told.flatMap((entry) => entry.job?.state ?? []);
    const problem = otherThanTasks(told) ?? noWay(states, retries) ?? otherEnd(states, job.state);
    if (problem === undefined) return [];
    const message = `${who} of ${plan.key} was told a wrong state of it: ${problem}`;
    return [{ rule: "watch-shows-the-job", message, jobId: job.id, key: plan.key }];
  });
}

function otherThanTasks(told: readonly LogEntry[]): string | undefined {
  const states = new Map<string, TaskState>();
  let hasBegun = false;
  for (const [index, { tasks, job }] of told.entries()) {
    for (const { taskId, state } of tasks) {
      states.set(taskId, state);
      hasBegun ||= state === "RUNNING";
    }
    if (job === undefined || isHalted(job.state) || job.state === "COMPLETED") continue;
    const isRunning = [...states.values()].includes("RUNNING");
    const expected = isRunning ? "RUNNING" : hasBegun ? "STARTED" : "SUBMITTED";
    if (job.state !== expected) return `response ${index + 1} says ${job.state}; by its tasks it was ${expected}`;
  }
  return undefined;
}

/** From one state to the next, of those that do not follow from tasks. */
function noWay(states: readonly JobState[], retries: number): string | undefined {
  let reopened = 0;
  for (const [index, state] of states.entries()) {
    const before = states[index - 1];
    if (before === undefined || before === state) continue;
    if (before === "COMPLETED") return `it went from COMPLETED to ${state}`;
    if (before === "SUBMITTED" && (state === "COMPLETED" || state === "FAILED")) {
      return `it went from SUBMITTED to ${state}, and nothing of it was ever granted`;
    }
    // Whoever cancels a job that has failed needs no retry for that.
    if (isHalted(before) && state !== "CANCELED") reopened++;
  }
  if (reopened <= retries) return undefined;
  return `it went on ${reopened} times after a halt; that was asked for ${retries} times`;
}

function otherEnd(states: readonly JobState[], stored: JobState): string | undefined {
  const last = states.at(-1);
  return last === stored ? undefined : `the last is ${last ?? "none"}; it is stored as ${stored}`;
}
