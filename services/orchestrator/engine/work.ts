import { decideSkipped, decideUnblocked } from "../domain/close.ts";
import type { Origin } from "../domain/create.ts";
import { decideAligned } from "../domain/halt.ts";
import { isHalted, type WorkItem } from "../domain/records.ts";
import type { BatchContext } from "./batch-context.ts";
import { DEFAULT_CLUSTER, insertTasks, queueKeys, sizeOf } from "./create-tasks.ts";
import { DoneTasks, propagate, putEnded } from "./propagate.ts";
import { ownBranchFailed } from "./settle.ts";
import { ROOT_PARTS } from "./submit.ts";

/**
 * Background work: what may touch any number of tasks is done in slices, a bounded number of rows in each batch, by whichever
 * orchestrator comes first. An item that is not finished is stored with a cursor in the same transaction as its slice, so nothing is done twice
 * or lost by a crash. Each slice reads the records as they are and applies the same rules as everything else, so slices may run in any
 * order with anything in between.
 */

/** What one slice did: rows that it read or wrote, and where to go on (null: finished). */
interface SliceResult {
  readonly rows: number;
  readonly next: string | null;
}

const FINISHED: SliceResult = { rows: 0, next: null };

type Advance = (context: BatchContext, item: WorkItem, limit: number) => Promise<SliceResult>;

const ADVANCE: Readonly<Record<WorkItem["kind"], Advance>> = {
  align: alignJob,
  release: releaseGroup,
  skip: skipBranch,
  unpack: unpackParts,
  prune: pruneJob,
};

/** How many stored items a batch looks at. */
const ITEMS_PER_BATCH = 16;

/** What is left of a batch's share of background work, and what it has touched. */
class Budget {
  left: number;
  readonly touched = new Set<string>();
  unfinished = false;

  constructor(rows: number) {
    this.left = rows;
  }
}

/**
 * Runs the work that this batch has asked for, then stored work, until a slice's worth of rows is used up, and stores what is left. Returns
 * whether there is more to do.
 */
export async function runWork(context: BatchContext, withStored: boolean): Promise<boolean> {
  const { uow } = context;
  const budget = new Budget(context.settings.sliceSize);
  await runNewWork(context, budget);
  if (withStored) {
    const items = await uow.tx.workItems(ITEMS_PER_BATCH);
    if (items.length === ITEMS_PER_BATCH) budget.unfinished = true;
    for (const item of items) {
      if (budget.touched.has(item.id)) continue;
      if (budget.left <= 0) budget.unfinished = true;
      else await advance(context, item, budget, true);
      await runNewWork(context, budget);
    }
  }
  return budget.unfinished;
}

/** An item may ask for more items. */
async function runNewWork(context: BatchContext, budget: Budget): Promise<void> {
  const { uow } = context;
  for (let item = uow.newWork.shift(); item !== undefined; item = uow.newWork.shift()) {
    if (budget.left > 0) await advance(context, item, budget, false);
    else store(context, item, budget);
  }
}

async function advance(context: BatchContext, item: WorkItem, budget: Budget, stored: boolean): Promise<void> {
  budget.touched.add(item.id);
  let cursor = item.cursor;
  do {
    const slice = await ADVANCE[item.kind](context, { ...item, cursor }, budget.left);
    budget.left -= Math.max(1, slice.rows);
    cursor = slice.next;
  } while (cursor !== null && budget.left > 0);
  if (cursor !== null) store(context, { ...item, cursor }, budget);
  // An alignment or a skip may also be stored from an earlier request.
  else if (stored || item.kind === "align" || item.kind === "skip") context.uow.write("deleteWork", item.id);
}

function store(context: BatchContext, item: WorkItem, budget: Budget): void {
  budget.unfinished = true;
  context.uow.write("putWork", item);
}

/** Puts the queued tasks of a halted job aside, or back into their queues once it goes on. */
async function alignJob(context: BatchContext, item: WorkItem, limit: number): Promise<SliceResult> {
  const { uow } = context;
  await uow.loadJobs([item.jobId]);
  const job = uow.findJob(item.jobId);
  if (job === undefined) return FINISHED;
  await uow.flushTasks();
  const scan = await uow.tx.scanJob(item.jobId, item.cursor, limit);
  for (const found of scan.tasks) {
    const aligned = decideAligned(uow.adopt(found), isHalted(job));
    if (aligned !== null) uow.putTask(aligned);
  }
  return { rows: scan.tasks.length, next: scan.next };
}

/** Queues the blocked tasks of a group that waits for nothing more. */
async function releaseGroup(context: BatchContext, item: WorkItem, limit: number): Promise<SliceResult> {
  const { uow } = context;
  await uow.loadJobs([item.jobId]);
  const job = uow.findJob(item.jobId);
  if (job === undefined) return FINISHED;
  if (item.cursor !== null || uow.hasUnwrittenTasks(item.targetId)) await uow.flushTasks();
  const tasks = await uow.tx.blockedTasksOfGroup(item.targetId, limit);
  for (const found of tasks) {
    const task = uow.adopt(found);
    if (task.state === "BLOCKED") uow.putTask(decideUnblocked(task, isHalted(job)));
  }
  return { rows: tasks.length, next: tasks.length < limit ? null : "more" };
}

/** Skips what is queued below a task of a failed branch; what has computed is gone into, what runs is left alone. */
async function skipBranch(context: BatchContext, item: WorkItem, limit: number): Promise<SliceResult> {
  const { uow } = context;
  await uow.loadJobs([item.jobId]);
  if (uow.findJob(item.jobId) === undefined) return FINISHED;
  await uow.flushTasks();
  const scan = await uow.tx.scanChildren(item.jobId, item.targetId, item.cursor, limit);
  const done = new DoneTasks();
  for (const found of scan.tasks) {
    const task = uow.adopt(found);
    if (task.state === "COMPUTED") uow.addWork("skip", item.jobId, task.id);
    const skipped = decideSkipped(task);
    if (skipped === null) continue;
    putEnded(uow, skipped, done);
    if (task.attempt > 0) uow.write("deleteParts", { taskId: task.id });
  }
  await propagate(uow, done);
  return { rows: scan.tasks.length, next: scan.next };
}

/** Makes task records of a slice of sealed parts. The cursor is the part, how many of its tasks exist already, and the last task that was made. */
async function unpackParts(context: BatchContext, item: WorkItem, limit: number): Promise<SliceResult> {
  const { uow } = context;
  const origin = await unpackOrigin(context, item);
  if (origin === null) return FINISHED;
  const token = origin.parent === null ? ROOT_PARTS : (origin.parent.settledToken ?? ROOT_PARTS);
  const { number, from, lastId } = parseCursor(item.cursor);
  const set = await context.parts.read(uow.tx, item.targetId, token, number);
  if (set === null) return FINISHED;
  if (origin.parent !== null) await context.ensureQueues([origin.parent.queueId]);
  const inherited = origin.parent === null ? DEFAULT_CLUSTER : context.queue(origin.parent.queueId).cluster;
  // The clusters were checked when the parts were accepted.
  const queueIds = await context.internQueues(queueKeys(set.templates, inherited));
  const done = new DoneTasks();
  const made = await insertTasks(context, origin, set, queueIds, { from, count: limit, lastId }, done);
  await propagate(uow, done);
  const behind = made.lastId ?? "";
  if (from + made.count < sizeOf(set)) return { rows: made.count, next: `${number}:${from + made.count}:${behind}` };
  context.parts.forget();
  uow.write("deleteParts", { taskId: item.targetId, leaseToken: token, number });
  return { rows: made.count, next: `${number + 1}:0:${behind}` };
}

function parseCursor(cursor: string | null): { number: number; from: number; lastId: string | null } {
  const [number, from, lastId] = (cursor ?? "0:0:").split(":");
  return { number: Number(number), from: Number(from), lastId: lastId || null };
}

async function unpackOrigin(context: BatchContext, item: WorkItem): Promise<Origin | null> {
  const { uow } = context;
  await uow.loadJobs([item.jobId]);
  const job = uow.findJob(item.jobId);
  if (job === undefined) return null;
  if (item.targetId === item.jobId) return { job, parent: null, branchFailed: false };
  await uow.loadTasks([item.targetId]);
  const parent = uow.task(item.targetId);
  if (parent === undefined) return null;
  // It changes when one of its groups closes: what waits for that group is released then, and must not become blocked at the same time.
  uow.guards.task(parent.id);
  await uow.loadScopes([parent]);
  return { job, parent, branchFailed: ownBranchFailed(context, parent) };
}

/** Deletes a job that ended long ago. */
async function pruneJob(context: BatchContext, item: WorkItem, limit: number): Promise<SliceResult> {
  const { uow } = context;
  // A late report has touched it in this very batch: its turn comes with the next one.
  if (uow.findJob(item.jobId) !== undefined) return { rows: limit, next: "more" };
  const finished = await uow.tx.deleteJobSlice(item.jobId, limit);
  return { rows: limit, next: finished ? null : "more" };
}
