import type { Evidence } from "./evidence.ts";
import { joinExecutions, openCases } from "./job-case.ts";
import type { Disturbance } from "./schedule.ts";

/** What was done, in numbers, for people: a good verdict on nothing would be worth nothing. */
export type Tally = Map<string, number>;

/** Counts one round. */
export function tallyRound(evidence: Evidence, schedule: readonly Disturbance[]): Tally {
  const tally: Tally = new Map();
  const add = (what: string, count = 1) => tally.set(what, (tally.get(what) ?? 0) + count);
  for (const one of schedule) {
    const target = one.kind === "link" ? one.mode.kind : `${one.kind} ${one.target.replace(/-\d+$/, "")}`;
    add(`disturbances: ${target}`);
  }
  for (const { act, step, code } of evidence.submitter) {
    add(`requests: ${act} ${step}${code === undefined ? "" : ` ${code.slice(0, 40)}`}`);
  }
  for (const job of evidence.jobs) {
    add(`jobs: ${job.state}`);
    for (const task of job.tasks) add(`tasks: ${task.state}`);
  }
  for (const { end } of joinExecutions(evidence.runners)) add(`executions: ${end?.result ?? "never ended"}`);
  for (const { steps, stepsOf, executions } of openCases(evidence)) {
    add("grants: all", steps.filter(({ isGrant }) => isGrant).length);
    add("grants: again", steps.filter(({ isGrant, attempt }) => isGrant && attempt > 1).length);
    const runs = [...executions.values()].flat();
    const accepted = [...stepsOf.values()].flat().filter(({ state }) => state === "COMPUTED" || state === "COMPLETED");
    const taken = new Set(accepted.map(({ taskId, attempt }) => `${taskId} ${attempt}`));
    const computed = runs.filter(({ end }) => end?.result === "computed");
    add(
      "grants: computed in vain",
      computed.filter(({ taskId, attempt }) => !taken.has(`${taskId} ${attempt}`)).length,
    );
  }
  return tally;
}

/** Adds `more` to `sum`. */
export function addTally(sum: Tally, more: Tally): void {
  for (const [what, count] of more) sum.set(what, (sum.get(what) ?? 0) + count);
}

/** One line for each kind of number. */
export function formatTally(tally: Tally): string[] {
  const kinds = Map.groupBy([...tally].sort(), ([what]) => what.slice(0, what.indexOf(":")));
  return Array.from(kinds, ([kind, numbers]) => {
    const total = kind === "grants" ? "" : ` ${numbers.reduce((sum, [, count]) => sum + count, 0)}`;
    const parts = numbers.map(([what, count]) => `${what.slice(kind.length + 2)} ${count}`);
    return `${kind}:${total} (${parts.join(", ")})`;
  });
}
