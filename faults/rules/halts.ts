import type { JobState } from "taskgrove";
import type { Act } from "../history.ts";
import { isHalted, type JobCase } from "../job-case.ts";
import type { Violation } from "../violation.ts";

/**
 * Nothing of a job that has failed or was canceled starts, but for grants already under way: those that the log has before the job was
 * halted. So no entry that leaves a job halted has a grant, except before; and a start in a later life of the job is only possible when a retry
 * was asked for before.
 */
export function nothingStartsWhileHalted(jobCase: JobCase): Violation[] {
  const { job, plan, steps } = jobCase;
  const states = statesAfterEntries(jobCase);
  return steps.flatMap(({ isGrant, entry, taskId, attempt }) => {
    const state = states[entry];
    if (!isGrant || !isHalted(state)) return [];
    const message = `attempt ${attempt} of ${taskId} was granted while ${plan.key} was ${state}`;
    return [{ rule: "nothing-starts-while-halted", message, jobId: job.id, key: plan.key, taskIds: [taskId] }];
  });
}

/** A start after an acknowledged cancel belongs to a grant from before it, unless a retry was asked for in between. */
export function nothingStartsAfterCancel(jobCase: JobCase): Violation[] {
  const { job, plan, executions, stepsOf, requests } = jobCase;
  const livesBefore = countReopenings(statesAfterEntries(jobCase));
  const retries = requests.filter(({ act, step }) => act === "retry" && step === "sent");
  return [...executions.values()].flat().flatMap(({ taskId, attempt, startedAt, runner }) => {
    const grant = stepsOf.get(taskId)?.find((step) => step.isGrant && step.attempt === attempt);
    if (grant === undefined) return [];
    const reopened = livesBefore[grant.entry] ?? 0;
    const asked = retries.filter(({ at }) => at < startedAt).length;
    if (reopened <= asked) return [];
    const message = `${runner} started attempt ${attempt} of ${taskId} of ${plan.key}, which was granted after the job had been halted; it was retried ${asked} times until then, and went on ${reopened} times`;
    return [{ rule: "nothing-starts-after-cancel", message, jobId: job.id, key: plan.key, taskIds: [taskId] }];
  });
}

/**
 * What was acknowledged has happened: the log has the job canceled and going on again. A request takes effect between its sending and its answer, so one
 * that was sent behind the answer to another comes behind that in the log as well; those that overlap may come in any order, however their answers did:
 * a cancel that waited for the database may have been the one that a retry ended, or have found the job canceled.
 */
export function haltsAreKept(jobCase: JobCase): Violation[] {
  const { job, plan } = jobCase;
  const states = statesAfterEntries(jobCase);
  const halts = answeredHalts(jobCase);
  const placed: { readonly answeredAt: number; readonly entry: number }[] = [];
  for (const { act, via, sentAt, answeredAt } of halts) {
    // A cancel that overlaps with a retry may come in the same step.
    if (act === "retry" && hasOpenCancel(jobCase, sentAt, answeredAt)) continue;
    const earliest = Math.max(0, ...placed.filter((other) => other.answeredAt < sentAt).map(({ entry }) => entry));
    const wanted = (state: JobState) => (act === "cancel" ? state === "CANCELED" : !isHalted(state));
    const entry = states.findIndex((state, index) => index >= earliest && wanted(state));
    if (entry >= 0) {
      placed.push({ answeredAt, entry });
      continue;
    }
    const message = `${via} acknowledged to ${act} ${plan.key}; its log shows nothing of it`;
    return [{ rule: "halts-are-kept", message, jobId: job.id, key: plan.key }];
  }
  return [];
}

interface AnsweredHalt {
  readonly act: Act;
  readonly via: string;
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** In order of their answers. */
function answeredHalts({ requests }: JobCase): AnsweredHalt[] {
  return requests.flatMap(({ act, step, via, request, at }) => {
    const sent = requests.find((other) => other.request === request && other.step === "sent");
    if (step !== "acknowledged" || act === "submit" || sent === undefined) return [];
    return [{ act, via, sentAt: sent.at, answeredAt: at }];
  });
}

/** Whether a cancel was under way then. One without an answer stays so for good. */
function hasOpenCancel({ requests }: JobCase, from: number, to: number): boolean {
  const isAnswered = (own: number) =>
    requests.some(
      ({ request, step, at }) => request === own && at < from && (step === "acknowledged" || step === "refused"),
    );
  return requests.some(
    ({ act, step, at, request }) => act === "cancel" && step === "sent" && at < to && !isAnswered(request),
  );
}

/** How the job stood after each entry of the log. */
function statesAfterEntries({ job }: JobCase): JobState[] {
  let state: JobState = "SUBMITTED";
  const states = job.log.map((entry) => {
    state = entry.job?.state ?? state;
    return state;
  });
  // A part of a step has no state of its own: it stands as the step leaves it.
  for (let index = states.length - 2; index >= 0; index--) {
    if (job.log[index]?.job === undefined) states[index] = states[index + 1] ?? state;
  }
  return states;
}

/** For each entry, how often the job had gone on after a halt until then. */
function countReopenings(states: readonly JobState[]): number[] {
  let count = 0;
  return states.map((state, index) => {
    if (isHalted(states[index - 1]) && !isHalted(state)) count++;
    return count;
  });
}
