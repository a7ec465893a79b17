import { isDone, type JobCase, nameOf, subtree } from "../job-case.ts";
import type { Violation } from "../violation.ts";

/** Every job ends, and nothing of it runs then. */
export function jobEnds({ job, plan }: JobCase): Violation[] {
  const { state, counts } = job;
  const isOpen = state === "SUBMITTED" || state === "RUNNING" || state === "STARTED";
  if (!isOpen && counts.running === 0) return [];
  const open = job.tasks.filter((task) => task.state === "RUNNING" || task.state === "QUEUED");
  const message = `${plan.key} is ${state} with ${counts.running} running and ${counts.queued} queued tasks long after the last disturbance`;
  return [{ rule: "job-ends", message, jobId: job.id, key: plan.key, taskIds: open.map(({ id }) => id) }];
}

/** A job ends as its tasks did: completed when all are done, failed when one failed for good, canceled when somebody asked for it. */
export function jobEndsRightly({ job, plan, tasks, requests }: JobCase): Violation[] {
  const violation = (message: string, taskIds: readonly string[] = []): Violation[] => [
    { rule: "job-ends-rightly", message, jobId: job.id, key: plan.key, taskIds },
  ];
  switch (job.state) {
    case "COMPLETED": {
      const open = job.tasks.filter((task) => !isDone(task));
      if (open.length === 0) return [];
      return violation(
        `${plan.key} is COMPLETED with ${open.length} tasks that are not done`,
        open.map(({ id }) => id),
      );
    }
    case "FAILED": {
      const failed = tasks.get(job.failedTaskId ?? "");
      if (failed?.state === "FAILED") return [];
      const what = failed === undefined ? "no task of it" : `${nameOf(failed)}, which is ${failed.state}`;
      return violation(`${plan.key} is FAILED because of ${what}`, failed === undefined ? [] : [failed.id]);
    }
    case "CANCELED":
      return requests.some(({ act, step }) => act === "cancel" && step === "sent")
        ? []
        : violation(`${plan.key} is CANCELED, and nobody asked for it`);
    default:
      return [];
  }
}

/** A task only fails for good when its plan makes it fail, and its retries are used up. */
export function failsAsPlanned({ job, plan, planned }: JobCase): Violation[] {
  return job.tasks.flatMap((task) => {
    if (task.state !== "FAILED" && task.state !== "FAILED_OPTIONAL") return [];
    const step = planned.get(task.path)?.plan;
    const mayFail = step !== undefined && (step.failures ?? 0) > 0;
    const isUsedUp = step?.failsBy === "fatal" ? task.failures > 0 : task.failures > task.maxRetries;
    if (mayFail && isUsedUp) return [];
    const message = `${nameOf(task)} of ${plan.key} is ${task.state} after ${task.failures} failures with ${task.maxRetries} retries; ${mayFail ? "there were retries left" : "its plan is to succeed"}`;
    return [{ rule: "fails-as-planned", message, jobId: job.id, key: plan.key, taskIds: [task.id] }];
  });
}

/** Every parent is closed: COMPLETED when all below it is done, and only then. A held job keeps what is not done. */
export function parentsClosed(jobCase: JobCase): Violation[] {
  const { job, plan } = jobCase;
  return job.tasks.flatMap((task) => {
    if (task.state !== "COMPUTED" && task.state !== "COMPLETED") return [];
    const open = subtree(jobCase, task).filter((below) => below !== task && !isDone(below));
    if ((open.length === 0) === (task.state === "COMPLETED")) return [];
    const message = `${nameOf(task)} of ${plan.key} is ${task.state} with ${open.length} tasks below it that are not done`;
    const taskIds = [task.id, ...open.map(({ id }) => id)];
    return [{ rule: "parents-closed", message, jobId: job.id, key: plan.key, taskIds }];
  });
}
