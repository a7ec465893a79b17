import type { QueueRecord } from "../domain/records.ts";
import type { Committed } from "./committer.ts";
import type { EngineObserver, OutcomeKind } from "./observer.ts";
import type { SettledOutcome } from "./settle.ts";

/** Tells the observer what a committed batch did. */
export function reportBatch(observer: EngineObserver, committed: Committed, touched: readonly QueueRecord[]): void {
  const { uow, result, commands, durationMs } = committed;
  const applied = reportOutcomes(observer, result.settled);
  observer.batchCommitted({
    commands,
    tasksSettled: applied,
    tasksCreated: uow.tasksCreated,
    grants: result.claimed.count,
    durationMs,
  });
  for (const grants of result.claimed.grants.values()) {
    for (const [queueId, count] of countBy(grants, (grant) => grant.queueId)) observer.granted(queueId, count);
  }
  const { housekept } = result;
  if (housekept !== null) {
    if (housekept.lostLeases > 0) observer.leasesEnded("expired", housekept.lostLeases);
    if (housekept.timedOut.length > 0) observer.leasesEnded("timed_out", housekept.timedOut.length);
    if (housekept.crashBudgetsSpent > 0) observer.crashBudgetSpent(housekept.crashBudgetsSpent);
  }
  for (const { before, job, isNew } of uow.jobSteps()) {
    if (isNew) observer.jobSubmitted(1);
    if (job.status !== "OPEN" && before !== job.status) observer.jobEnded(job.status, 1);
  }
  for (const queue of touched) observer.queueDepth(queue);
}

/** Returns how many outcomes were applied. */
function reportOutcomes(observer: EngineObserver, settled: readonly SettledOutcome[]): number {
  let applied = 0;
  const known = settled.filter((outcome) => outcome.queueId !== null);
  for (const [key, count] of countBy(known, (outcome) => `${outcome.kind}:${outcome.queueId}`)) {
    const [kind, queueId] = key.split(":");
    observer.outcomes(kind as OutcomeKind, Number(queueId), count);
    if (kind === "computed" || kind === "failed" || kind === "released") applied += count;
  }
  for (const [reason, count] of countBy(
    settled.flatMap((outcome) => outcome.rejection?.reason ?? []),
    (reason) => reason,
  )) {
    observer.commandRefused(reason, count);
  }
  return applied;
}

function countBy<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, number> {
  const counts = new Map<K, number>();
  for (const item of items) {
    const key = keyOf(item);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
