import type { JobRecord } from "../domain/records.ts";
import type { Result } from "../domain/rejection.ts";
import type { GrantedTask, LeaseAck, LeaseRef } from "./api.ts";
import type { BatchContext } from "./batch-context.ts";
import { type Claimed, claim } from "./claim.ts";
import type { Command, CommandOf } from "./commands.ts";
import { cancelJob, retryJob } from "./control.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { type Housekept, keepHouse } from "./housekeeping.ts";
import type { LiveSession } from "./live-session.ts";
import { DoneTasks, propagate } from "./propagate.ts";
import { NOTHING_RENEWED, type Renewed, renewLeases } from "./renew.ts";
import { revoke, tellRunners } from "./revoke.ts";
import { endSession, openSession } from "./sessions.ts";
import {
  isOfCanceledJob,
  loadForSettle,
  type SettledOutcome,
  settleOutcome,
  settlePart,
  settleReport,
} from "./settle.ts";
import { loadJobsByKey, submitJob } from "./submit.ts";
import { runWork } from "./work.ts";

/** What the engine asks of a batch besides its commands. */
export interface BatchRequest {
  readonly commands: readonly Command[];
  /** Housekeeping is due. */
  readonly tick: boolean;
  readonly mayExpire: boolean;
  /** There may be stored background work. */
  readonly storedWork: boolean;
  /** False while the orchestrator stops. */
  readonly mayGrant: boolean;
}

/** What a batch did, to be acted on once it is committed. */
export interface BatchResult {
  readonly claimed: Claimed;
  readonly settled: readonly SettledOutcome[];
  readonly housekept: Housekept | null;
  readonly renewed: Renewed;
  readonly moreWork: boolean;
}

const NOTHING_CLAIMED: Claimed = {
  grants: new Map<LiveSession, GrantedTask[]>(),
  count: 0,
  empty: [],
  left: [],
  superseded: [],
};

/** One batch, as one step of the store: settle, submit, steer, extend, expire, background work, claim. */
export async function runBatch(
  context: BatchContext,
  dispatcher: Dispatcher,
  request: BatchRequest,
): Promise<BatchResult> {
  const { uow } = context;
  const by = sortByKind(request.commands);
  const done = new DoneTasks();
  const settled = await settleAll(context, by, done);
  await submitAll(context, by.submit, done);
  await steer(context, dispatcher, by, done);
  await moveSessions(context, dispatcher, by, done);
  for (const step of by.step) uow.afterCommit.push(await step.run(context));
  const renewed = request.tick ? await renewLeases(context, dispatcher) : NOTHING_RENEWED;
  const housekept = request.tick ? await keepHouse(context, request.mayExpire, done) : null;
  await propagate(uow, done);
  const moreWork = await runWork(context, request.storedWork);
  const claimed = request.mayGrant ? await claim(context, dispatcher) : NOTHING_CLAIMED;
  // A claim may have skipped the last open task of a group that something waits for.
  const stillMore = uow.newWork.length > 0 ? await runWork(context, false) : false;
  // What follows the commit counts in them.
  await context.ensureQueues(uow.queues.deltas.keys());
  await uow.finish(context.isShared);
  return { claimed, settled, housekept, renewed, moreWork: moreWork || stillMore };
}

/** A step that renews leases and does nothing else: it meets nobody who does anything else. */
export async function runRenewal(context: BatchContext, dispatcher: Dispatcher): Promise<BatchResult> {
  const renewed = await renewLeases(context, dispatcher);
  await context.uow.finish(context.isShared);
  return { claimed: NOTHING_CLAIMED, settled: [], housekept: null, renewed, moreWork: false };
}

type CommandsByKind = { readonly [K in Command["kind"]]: CommandOf<K>[] };

function sortByKind(commands: readonly Command[]): CommandsByKind {
  const by: CommandsByKind = {
    outcomes: [],
    parts: [],
    reports: [],
    end: [],
    open: [],
    submit: [],
    cancel: [],
    retry: [],
    step: [],
  };
  for (const command of commands) (by[command.kind] as Command[]).push(command);
  return by;
}

/** Parts and reports first: a runner sends them before the outcome that they belong to. */
async function settleAll(context: BatchContext, by: CommandsByKind, done: DoneTasks): Promise<SettledOutcome[]> {
  const { uow } = context;
  await loadForSettle(context, taskIdsOf(by));
  for (const { session, items } of by.parts) {
    const acks: LeaseAck[] = [];
    for (const item of items) acks.push(ackOf(item.part, await settlePart(context, item), item.part.number));
    uow.afterCommit.push(() => answer(session, acks));
  }
  for (const { session, items } of by.reports) {
    const stale: LeaseRef[] = [];
    const canceled: LeaseRef[] = [];
    for (const item of items) {
      const rejection = settleReport(context, item);
      if (rejection?.reason === "STALE_LEASE") stale.push(item.report);
      else if (isOfCanceledJob(context, item.report.taskId)) canceled.push(item.report);
    }
    uow.afterCommit.push(() => {
      if (stale.length > 0) revoke(session, stale, "LEASE_LOST");
      // It may not have heard of it.
      if (canceled.length > 0) revoke(session, canceled.filter(isHeldBy(session)), "JOB_CANCELED");
    });
  }
  const settled: SettledOutcome[] = [];
  for (const { session, items } of by.outcomes) {
    const acks: LeaseAck[] = [];
    for (const item of items) {
      const outcome = await settleOutcome(context, item, done);
      settled.push(outcome);
      acks.push(ackOf(item.outcome, outcome.rejection));
    }
    uow.afterCommit.push(() => answer(session, acks));
  }
  return settled;
}

function isHeldBy(session: LiveSession): (lease: LeaseRef) => boolean {
  return ({ taskId, leaseToken }) => session.held.get(taskId) === leaseToken;
}

function* taskIdsOf(by: CommandsByKind): Iterable<string> {
  for (const command of by.parts) for (const item of command.items) yield item.part.taskId;
  for (const command of by.reports) for (const item of command.items) yield item.report.taskId;
  for (const command of by.outcomes) for (const item of command.items) yield item.outcome.taskId;
}

function ackOf(lease: LeaseRef, rejection: LeaseAck["rejection"], part?: number): LeaseAck {
  const { taskId, leaseToken } = lease;
  return part === undefined ? { taskId, leaseToken, rejection } : { taskId, leaseToken, rejection, part };
}

function answer(session: LiveSession, acks: readonly LeaseAck[]): void {
  session.pending -= acks.length;
  for (const ack of acks) {
    const ended = ack.rejection === null || ack.rejection.reason === "STALE_LEASE";
    if (ack.part === undefined && ended) session.giveBack(ack.taskId, ack.leaseToken);
  }
  if (!session.closed) session.sink.acks(acks);
}

async function submitAll(
  context: BatchContext,
  commands: readonly CommandOf<"submit">[],
  done: DoneTasks,
): Promise<void> {
  if (commands.length === 0) return;
  const { uow } = context;
  const byKey = await loadJobsByKey(
    context,
    commands.map((command) => command.prepared),
  );
  for (const { prepared, reply } of commands) {
    const result = await submitJob(context, prepared, byKey, done);
    uow.afterCommit.push(() => reply.resolve(withCounts(context, result)));
  }
}

/** The job as the batch left it, its tasks counted. */
function withCounts<T extends { readonly job: JobRecord }>(context: BatchContext, result: Result<T>): Result<T> {
  if (!result.ok) return result;
  return { ok: true, value: { ...result.value, job: context.uow.job(result.value.job.id) } };
}

async function steer(
  context: BatchContext,
  dispatcher: Dispatcher,
  by: CommandsByKind,
  done: DoneTasks,
): Promise<void> {
  const { uow } = context;
  if (by.cancel.length + by.retry.length === 0) return;
  await propagate(uow, done);
  for (const { jobId, reply } of by.cancel) {
    const result = await cancelJob(context, jobId);
    uow.afterCommit.push(() => {
      if (!result.ok) return reply.resolve(result);
      tellRunners(dispatcher, result.value.running, "JOB_CANCELED");
      reply.resolve({ ok: true, value: uow.job(jobId) });
    });
  }
  for (const { jobId, reply } of by.retry) {
    const result = await retryJob(context, jobId);
    uow.afterCommit.push(() => reply.resolve(withCounts(context, result)));
  }
}

async function moveSessions(
  context: BatchContext,
  dispatcher: Dispatcher,
  by: CommandsByKind,
  done: DoneTasks,
): Promise<void> {
  const { uow } = context;
  for (const { session } of by.end) {
    await endSession(context, session, done);
    uow.afterCommit.push(() => {
      dispatcher.remove(session);
      context.options.observer.sessionClosed(session.cluster, "ended");
    });
  }
  for (const { session, resume, reply } of by.open) {
    const result = await openSession(context, session, resume, done);
    uow.afterCommit.push(() => reply.resolve(result));
  }
}
