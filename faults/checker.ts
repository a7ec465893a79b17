import type { Evidence } from "./evidence.ts";
import { type JobCase, openCases } from "./job-case.ts";
import { attemptsGoUp, oneExecution, oneOutcome, outcomeIsReported } from "./rules/attempts.ts";
import { countsAddUp, logIsTrue, progressAddsUp } from "./rules/books.ts";
import { failsAsPlanned, jobEnds, jobEndsRightly, parentsClosed } from "./rules/ends.ts";
import { haltsAreKept, nothingStartsAfterCancel, nothingStartsWhileHalted } from "./rules/halts.ts";
import { dependenciesFirst, parentFirst } from "./rules/order.ts";
import { noRework } from "./rules/rework.ts";
import { noLeaseOfTheDead, orchestratorsAnswer, processesLive, runnersAreBack } from "./rules/sessions.ts";
import {
  acknowledgedExists,
  noInternalErrors,
  nothingRefused,
  nothingUnknownRuns,
  oneJobForEachKey,
  requestsAreAnswered,
} from "./rules/submissions.ts";
import { subtasksExact } from "./rules/subtasks.ts";
import { watchShowsTheJob } from "./rules/watched-job.ts";
import { watchTellsCausesFirst } from "./rules/watched-order.ts";
import { watchIsWhole } from "./rules/watches.ts";
import type { Violation } from "./violation.ts";

type Rule =
  | { readonly about: "round"; check(evidence: Evidence): Violation[] }
  | { readonly about: "job"; check(jobCase: JobCase): Violation[] };

const round = (check: (evidence: Evidence) => Violation[]): Rule => ({ about: "round", check });
const job = (check: (jobCase: JobCase) => Violation[]): Rule => ({ about: "job", check });

/** All that must hold, whatever was disturbed. */
export const RULES = {
  "processes-live": round(processesLive),
  "orchestrators-answer": round(orchestratorsAnswer),
  "no-internal-errors": round(noInternalErrors),
  "acknowledged-exists": round(acknowledgedExists),
  "one-job-for-each-key": round(oneJobForEachKey),
  "nothing-refused": round(nothingRefused),
  "requests-are-answered": round(requestsAreAnswered),
  "nothing-unknown-runs": round(nothingUnknownRuns),
  "one-execution": job(oneExecution),
  "attempts-go-up": job(attemptsGoUp),
  "one-outcome": job(oneOutcome),
  "outcome-is-reported": job(outcomeIsReported),
  "no-rework": job(noRework),
  "subtasks-exact": job(subtasksExact),
  "parent-first": job(parentFirst),
  "dependencies-first": job(dependenciesFirst),
  "nothing-starts-while-halted": job(nothingStartsWhileHalted),
  "nothing-starts-after-cancel": job(nothingStartsAfterCancel),
  "halts-are-kept": job(haltsAreKept),
  "progress-adds-up": job(progressAddsUp),
  "counts-add-up": job(countsAddUp),
  "log-is-true": job(logIsTrue),
  "watch-is-whole": job(watchIsWhole),
  "watch-tells-causes-first": job(watchTellsCausesFirst),
  "watch-shows-the-job": job(watchShowsTheJob),
  "fails-as-planned": job(failsAsPlanned),
  "parents-closed": job(parentsClosed),
  "job-ends": job(jobEnds),
  "job-ends-rightly": job(jobEndsRightly),
  "no-lease-of-the-dead": round(noLeaseOfTheDead),
  "runners-are-back": round(runnersAreBack),
} as const satisfies Record<string, Rule>;

/** Everything that breaks a rule. Pure: it looks at nothing but the evidence. */
export function check(evidence: Evidence): Violation[] {
  // Without that nothing can be said of the jobs.
  if (evidence.unreadable !== undefined) {
    return [processesLive, noInternalErrors, orchestratorsAnswer].flatMap((rule) => rule(evidence));
  }
  const cases = openCases(evidence);
  return Object.values<Rule>(RULES).flatMap((rule) =>
    rule.about === "round" ? rule.check(evidence) : cases.flatMap((jobCase) => rule.check(jobCase)),
  );
}
