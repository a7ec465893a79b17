import type { SessionRecord, TaskRecord } from "../domain/records.ts";
import { accept, type Result, reject } from "../domain/rejection.ts";
import { decideAdopted, decideForgotten, decideReleased } from "../domain/settle.ts";
import { quote } from "../domain/version.ts";
import type { LeaseRef } from "./api.ts";
import type { BatchContext } from "./batch-context.ts";
import type { LiveSession } from "./live-session.ts";
import { type DoneTasks, dropParts, putEnded } from "./propagate.ts";
import { attemptContext, isOfCanceledJob } from "./settle.ts";

/** How a runner's hello was answered. */
export interface SessionOpening {
  readonly record: SessionRecord;
  readonly resumed: boolean;
  /** Listed leases that go on. */
  readonly kept: readonly LeaseRef[];
  /** Listed leases that were superseded. */
  readonly lost: readonly LeaseRef[];
  /** Those of the kept ones whose job is canceled: the runner may not have heard of it. */
  readonly canceled: readonly LeaseRef[];
  /** Leases of the session that the runner did not list: back in the queue. */
  readonly forgotten: number;
}

const LEASES_PER_PAGE = 1_000;

/**
 * Opens or resumes a session. Leases that both sides know go on, also when the session itself has expired in the meantime but nobody has claimed
 * the task since; leases that the runner does not list never reached it and go straight back to the queue.
 */
export async function openSession(
  context: BatchContext,
  live: LiveSession,
  resume: { readonly sessionId: string | null; readonly leases: readonly LeaseRef[] },
  done: DoneTasks,
): Promise<Result<SessionOpening>> {
  const { uow, settings } = context;
  await context.loadClusters([live.cluster]);
  if (!context.clusterExists(live.cluster)) {
    return reject("CLUSTER_NOT_FOUND", `hello.cluster ${quote(live.cluster)} does not exist`);
  }
  const earlier = await findSession(context, resume.sessionId, live.cluster);
  const record: SessionRecord = {
    id: earlier?.id ?? context.ids.next(),
    runnerName: live.runnerName,
    cluster: live.cluster,
    identifiers: live.identifiers,
    epoch: (earlier?.epoch ?? 0) + 1,
    connectedAt: earlier?.connectedAt ?? uow.now,
    expiresAt: uow.now + settings.leaseDurationMs,
  };
  // At once: an older stream of the session must get nothing more in this batch, and the session must not be found expired.
  await uow.tx.write({ putSessions: [record] });
  const { kept, lost } = await takeOver(context, record.id, resume.leases);
  const canceled = kept.filter(({ taskId }) => isOfCanceledJob(context, taskId));
  const forgotten = earlier === null ? 0 : await forgetUnlisted(context, record.id, resume.leases, done);
  return accept({ record, resumed: earlier !== null, kept, lost, canceled, forgotten });
}

async function findSession(context: BatchContext, id: string | null, cluster: string): Promise<SessionRecord | null> {
  if (id === null) return null;
  const [found] = await context.uow.tx.loadSessions([id]);
  return found !== undefined && found.cluster === cluster ? found : null;
}

async function takeOver(
  context: BatchContext,
  sessionId: string,
  leases: readonly LeaseRef[],
): Promise<{ readonly kept: LeaseRef[]; readonly lost: LeaseRef[] }> {
  const { uow } = context;
  const kept: LeaseRef[] = [];
  const lost: LeaseRef[] = [];
  await uow.loadTasks(leases.map((lease) => lease.taskId));
  await uow.loadJobs(leases.flatMap((lease) => uow.task(lease.taskId)?.jobId ?? []));
  for (const lease of leases) {
    const task = uow.task(lease.taskId);
    if (task !== undefined && holds(task, lease.leaseToken)) {
      uow.putTask(decideAdopted(task, sessionId));
      kept.push(lease);
    } else if (task === undefined || task.settledToken !== lease.leaseToken) {
      lost.push(lease);
    } else {
      // Its outcome was applied; only the acknowledgement was lost. The runner sends it again and is answered again.
      kept.push(lease);
    }
  }
  return { kept, lost };
}

function holds(task: TaskRecord, leaseToken: string): boolean {
  return task.leaseToken === leaseToken && (task.state === "RUNNING" || task.state === "QUEUED");
}

async function forgetUnlisted(
  context: BatchContext,
  sessionId: string,
  leases: readonly LeaseRef[],
  done: DoneTasks,
): Promise<number> {
  const listed = new Set(leases.map((lease) => lease.leaseToken));
  let forgotten = 0;
  await forEachLease(context, sessionId, (task) => {
    if (task.leaseToken !== null && listed.has(task.leaseToken)) return;
    putEnded(context.uow, decideForgotten(task, attemptContext(context, task)), done);
    dropParts(context.uow, task);
    forgotten++;
  });
  return forgotten;
}

/** Ends a session on purpose: what it still holds is released, and counts as nothing. */
export async function endSession(context: BatchContext, live: LiveSession, done: DoneTasks): Promise<boolean> {
  const { uow } = context;
  const [record] = await uow.tx.loadSessions([live.id]);
  if (record === undefined || record.epoch !== live.epoch) return false;
  await forEachLease(context, live.id, (task) => {
    const report = { progress: task.progress, display: "" };
    putEnded(uow, decideReleased(task, report, attemptContext(context, task)), done);
    dropParts(uow, task);
  });
  // At once, so that nobody resumes it in the same batch.
  await uow.tx.write({ deleteSessions: [live.id] });
  return true;
}

/** Divides sessions of this engine into those that are still its own, and those that another stream took over or that were given up. */
export async function divideByOwner(
  context: BatchContext,
  sessions: readonly LiveSession[],
): Promise<{ readonly owned: readonly LiveSession[]; readonly superseded: readonly LiveSession[] }> {
  if (sessions.length === 0) return { owned: [], superseded: [] };
  const stored = await context.uow.tx.loadSessions(sessions.map((session) => session.id));
  const epochs = new Map(stored.map((record) => [record.id, record.epoch]));
  const isOwned = (session: LiveSession) => epochs.get(session.id) === session.epoch;
  return { owned: sessions.filter(isOwned), superseded: sessions.filter((session) => !isOwned(session)) };
}

/** Calls `visit` for each task that runs under the session, as this batch sees it, with its job and scopes loaded. */
export async function forEachLease(
  context: BatchContext,
  sessionId: string,
  visit: (task: TaskRecord) => void,
): Promise<void> {
  const { uow } = context;
  await uow.flushTasks();
  for (let after: string | null = null; ; ) {
    const found: readonly TaskRecord[] = await uow.tx.tasksOfSessions([sessionId], after, LEASES_PER_PAGE);
    await prepareTasks(context, found);
    for (const { id } of found) {
      const task = uow.task(id);
      if (task?.state === "RUNNING" && task.sessionId === sessionId) visit(task);
    }
    const last = found.at(-1);
    if (last === undefined || found.length < LEASES_PER_PAGE) return;
    after = last.id;
  }
}

/** Takes in tasks that a query returned, with what the rules need to know about them. */
export async function prepareTasks(context: BatchContext, found: readonly TaskRecord[]): Promise<TaskRecord[]> {
  const { uow } = context;
  const tasks = found.map((task) => uow.adopt(task));
  await uow.loadJobs(tasks.map((task) => task.jobId));
  await uow.loadScopes(tasks);
  return tasks;
}
