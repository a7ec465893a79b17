import { compareClaimOrder } from "../domain/claim.ts";
import type { TaskRecord } from "../domain/records.ts";
import type { ClaimCandidates, ClaimPosition } from "../store/store.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

/** Up to `limit` tasks that may be claimed, behind a position; each call sees what the batch has done until then. */
export type Candidates = (after: ClaimPosition | null, limit: number) => Promise<ClaimCandidates>;

/** What the store has in these queues. */
export function storedCandidates(uow: UnitOfWork, queueIds: readonly number[]): Candidates {
  return async (after, limit) => {
    await uow.flushTasks();
    return uow.tx.claimCandidates({ queueIds, after, limit });
  };
}

/**
 * What became claimable in this very batch, for queues that were empty before it. Most tasks of a job that runners keep up with are claimed
 * this way: they are written once, as running, and not first as queued.
 */
export function freshCandidates(uow: UnitOfWork, queueIds: readonly number[]): Candidates {
  const queues = new Set(queueIds);
  return async (after, limit) => {
    const found = uow.queues.claimableTasks().filter((task) => queues.has(task.queueId) && isBehind(task, after));
    const tasks = await uow.withInputs(found.sort(compareClaimOrder).slice(0, limit));
    return { tasks, isAll: tasks.length < limit };
  };
}

function isBehind(task: TaskRecord, after: ClaimPosition | null): boolean {
  if (after === null || task.priority < after.priority) return true;
  return task.priority === after.priority && task.jobId > after.jobId;
}
