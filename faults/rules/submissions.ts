import type { Evidence } from "../evidence.ts";
import { groupBy } from "../job-case.ts";
import type { Violation } from "../violation.ts";

/** Every acknowledged submission exists. */
export function acknowledgedExists({ submitter, jobs }: Evidence): Violation[] {
  const stored = new Map(jobs.map((job) => [job.id, job]));
  return submitter.flatMap(({ act, step, jobId = "", key, via }) => {
    if (act !== "submit" || step !== "acknowledged" || stored.get(jobId)?.name === key) return [];
    const what = stored.has(jobId) ? "is another job" : "does not exist";
    const message = `${key} was acknowledged by ${via} as job ${jobId}, which ${what}`;
    return [{ rule: "acknowledged-exists", message, jobId, key }];
  });
}

/** The same key never makes two jobs, and nothing is stored that was not submitted. */
export function oneJobForEachKey({ submitter, jobs, plans }: Evidence): Violation[] {
  const submitted = new Set(submitter.filter(({ act }) => act === "submit").map(({ key }) => key));
  return Array.from(groupBy(jobs, ({ name }) => name)).flatMap(([key, found]) => {
    const ids = found.map(({ id }) => id).join(", ");
    const [first] = found;
    const base = { rule: "one-job-for-each-key", key, jobId: first?.id } as const;
    if (!submitted.has(key) || !plans.has(key))
      return [{ ...base, message: `nobody submitted ${key}, which is job ${ids}` }];
    return found.length === 1
      ? []
      : [{ ...base, message: `${key} was submitted once and is ${found.length} jobs: ${ids}` }];
  });
}

/** All that is submitted is valid, so none of it may be refused; a job can only be refused to be canceled or retried as it stands. */
export function nothingRefused({ submitter }: Evidence): Violation[] {
  return submitter.flatMap(({ act, step, key, code = "", via, jobId }) => {
    if (step !== "refused" || (act !== "submit" && code === "FAILED_PRECONDITION")) return [];
    return [{ rule: "nothing-refused", message: `${via} refused to ${act} ${key} with ${code}`, key, jobId }];
  });
}

/** Whoever asks often enough is answered in the end. */
export function requestsAreAnswered({ submitter }: Evidence): Violation[] {
  return Array.from(groupBy(submitter, ({ act, key }) => `${act} ${key}`).values()).flatMap((records) => {
    const [first] = records;
    const isAnswered = records.some(({ step }) => step === "acknowledged" || step === "refused");
    if (first === undefined || isAnswered) return [];
    const times = records.filter(({ step }) => step === "sent").length;
    const message = `to ${first.act} ${first.key} was asked for ${times} times, without an answer`;
    return [{ rule: "requests-are-answered", message, key: first.key }];
  });
}

/** No orchestrator meets with something that it did not expect: neither in its answers nor in its log. */
export function noInternalErrors({ submitter, complaints }: Evidence): Violation[] {
  const answers = submitter.flatMap(({ act, key, via, code = "" }) => {
    if (!code.startsWith("INTERNAL: internal error")) return [];
    return [{ rule: "no-internal-errors" as const, message: `${via} answered ${act} of ${key} with ${code}`, key }];
  });
  const logged = complaints.map(({ at, process, line }) => {
    return { rule: "no-internal-errors" as const, message: `${process} logged an error: ${line}`, at };
  });
  return [...answers, ...logged];
}

/** What runners execute belongs to a job that is stored. Of a job that ended in an earlier round nothing may start any more. */
export function nothingUnknownRuns({ runners, jobs }: Evidence): Violation[] {
  const stored = new Set(jobs.map(({ id }) => id));
  return runners.flatMap((record) => {
    if (record.kind !== "start" || stored.has(record.jobId)) return [];
    const { runner, attempt, taskId, jobId } = record;
    const message = `${runner} executed attempt ${attempt} of ${taskId} of job ${jobId}, which is not stored or had ended in an earlier round`;
    return [{ rule: "nothing-unknown-runs", message, jobId, taskIds: [taskId] }];
  });
}
