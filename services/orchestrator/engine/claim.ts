import { decideGrant, decideStarted } from "../domain/claim.ts";
import { decideSkipped } from "../domain/close.ts";
import { isHalted, type TaskRecord } from "../domain/records.ts";
import type { ClaimPosition, TaskWithInput } from "../store/store.ts";
import type { GrantedTask } from "./api.ts";
import type { BatchContext } from "./batch-context.ts";
import { type Candidates, freshCandidates, storedCandidates } from "./candidates.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { LiveSession } from "./live-session.ts";
import { DoneTasks, propagate, putEnded } from "./propagate.ts";
import { divideByOwner } from "./sessions.ts";

/**
 * What is claimed next, and by whom. This is the one place that knows the order: priority, oldest job, deepest task, order of submission. The
 * store returns candidates in that order from an index; a job that is halted is passed over as a whole, so that a million queued tasks of it cost
 * one step, and a task of a failed optional branch is skipped on the spot.
 */

/** What one batch claimed. */
export interface Claimed {
  readonly grants: ReadonlyMap<LiveSession, GrantedTask[]>;
  readonly count: number;
  /** Queues that are known to hold nothing more that is claimable. */
  readonly empty: readonly number[];
  /** What else there may be was left to other orchestrators. */
  readonly left: readonly LeftQueues[];
  /** Sessions whose row in the store says that they are no longer theirs. */
  readonly superseded: readonly LiveSession[];
}

/** Queues that are to be looked at again at a time, or when something is queued in them. */
export interface LeftQueues {
  readonly queueIds: readonly number[];
  readonly until: number;
}

/** Jobs passed over and branches skipped in one claim; what is left goes on in the next batch. */
const MAX_ROUNDS = 8;

export async function claim(context: BatchContext, dispatcher: Dispatcher): Promise<Claimed> {
  const classes = dispatcher.hungryClasses(context.uow.now, context.uow.queues.ready, context.newQueues);
  const grants = new Map<LiveSession, GrantedTask[]>();
  const empty: number[] = [];
  const superseded: LiveSession[] = [];
  let count = 0;
  const left: LeftQueues[] = [];
  for (const found of classes) {
    // One that another stream took over, or that was given up, must not be granted anything by this one.
    const { owned: sessions, superseded: gone } = await divideByOwner(context, found.sessions);
    superseded.push(...gone);
    const limit = Math.min(
      context.settings.maxBatch - count,
      sessions.reduce((sum, session) => sum + session.credits, 0),
    );
    if (limit <= 0) continue;
    const candidates = (found.isFresh ? freshCandidates : storedCandidates)(context.uow, found.queueIds);
    const { tasks, exhausted, leftForMs } = await findTasks(context, candidates, limit);
    // What was not made in this batch may have been left to others before.
    if (exhausted && !found.isFresh) empty.push(...found.queueIds);
    const isLeft = leftForMs !== undefined;
    if (isLeft) left.push({ queueIds: found.queueIds, until: Math.ceil(context.options.clock.now() + leftForMs) });
    // What becomes claimable from here on makes them ready again.
    if (exhausted || isLeft) for (const id of found.queueIds) context.uow.queues.ready.delete(id);
    count += tasks.length;
    deal(context, sessions, tasks, grants);
  }
  return { grants, count, empty, left, superseded };
}

/** What was found for a class of sessions. */
interface Found {
  readonly tasks: TaskWithInput[];
  readonly exhausted: boolean;
  /** Only when something may have been left to others. */
  readonly leftForMs?: number | undefined;
}

async function findTasks(context: BatchContext, candidates: Candidates, limit: number): Promise<Found> {
  const tasks: TaskWithInput[] = [];
  let after: ClaimPosition | null = null;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const found = await candidates(after, limit - tasks.length);
    const picked = await pick(context, found.tasks);
    // The same question again, now that what was skipped is out of the way.
    if (picked.skipped > 0) continue;
    tasks.push(...picked.tasks);
    // What was passed over may become claimable again by a retry of its job alone, so the queue is not known to be empty.
    if (picked.passOver === null) {
      return { tasks, exhausted: after === null && found.isAll, leftForMs: found.leftForMs };
    }
    if (tasks.length === limit) break;
    after = picked.passOver;
  }
  return { tasks, exhausted: false };
}

/** Takes candidates up to the first of a halted job. */
async function pick(
  context: BatchContext,
  candidates: readonly TaskWithInput[],
): Promise<{ tasks: TaskWithInput[]; skipped: number; passOver: ClaimPosition | null }> {
  const { uow } = context;
  await uow.loadJobs(candidates.map(({ task }) => task.jobId));
  await uow.loadScopes(candidates.map(({ task }) => uow.adopt(task)));
  const tasks: TaskWithInput[] = [];
  const done = new DoneTasks();
  let skipped = 0;
  let passOver: ClaimPosition | null = null;
  for (const { task: found, input } of candidates) {
    const task = uow.adopt(found);
    if (isHalted(uow.job(task.jobId))) {
      passOver = { priority: task.priority, jobId: task.jobId };
      break;
    }
    if (!uow.branchFailed(task)) {
      tasks.push({ task, input });
      continue;
    }
    const gone = decideSkipped(task);
    if (gone !== null) putEnded(uow, gone, done);
    skipped++;
  }
  await propagate(uow, done);
  return { tasks, skipped, passOver };
}

/** Deals tasks out one at a time, so that runners with the same abilities get even shares. */
function deal(
  context: BatchContext,
  sessions: readonly LiveSession[],
  tasks: readonly TaskWithInput[],
  grants: Map<LiveSession, GrantedTask[]>,
): void {
  const open = sessions
    .map((session) => ({ session, credits: session.credits, list: grants.get(session) ?? [] }))
    .sort((a, b) => b.credits - a.credits);
  let turn = 0;
  for (const { task, input } of tasks) {
    const seat = open[turn % open.length];
    if (seat === undefined) return;
    seat.list.push(grant(context, seat.session, task, input));
    grants.set(seat.session, seat.list);
    seat.credits--;
    if (seat.credits === 0) open.splice(turn % open.length, 1);
    else turn++;
  }
}

function grant(context: BatchContext, session: LiveSession, task: TaskRecord, input: Uint8Array): GrantedTask {
  const { uow, ids } = context;
  // Were it given up or taken over at the same time, the lease would be held by nobody, for ever.
  uow.guards.session(session.id);
  const token = ids.leaseToken();
  const granted = decideGrant(task, session.id, token, uow.now);
  uow.putTask(granted);
  if (task.attempt > 0) uow.write("deleteParts", { taskId: task.id });
  const job = decideStarted(uow.job(task.jobId), uow.now);
  uow.putJob(job);
  const queue = context.queue(task.queueId);
  return {
    taskId: task.id,
    leaseToken: token,
    job,
    queueId: task.queueId,
    identifier: queue,
    cluster: queue.cluster,
    parentId: task.parentId,
    input,
    display: task.display,
    attempt: granted.attempt,
    failures: task.failures,
    attemptTimeoutMs: task.attemptTimeoutMs,
  };
}
