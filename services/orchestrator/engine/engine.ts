import { isOver } from "../domain/records.ts";
import { accept, type Result } from "../domain/rejection.ts";
import { parseJob } from "../domain/validate.ts";
import type { Engine, OpenedSession, SessionHello, SessionSink } from "./api.ts";
import { deleteCacheValues, putCacheValue } from "./cache.ts";
import { createCluster, deleteCluster, updateCluster } from "./clusters.ts";
import { type Command, deferred, type Reply } from "./commands.ts";
import { type Committed, Committer } from "./committer.ts";
import { DEFAULT_CLUSTER } from "./create-tasks.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Heart } from "./heart.ts";
import { parseHello } from "./hello.ts";
import { exactIdleNotices, SharedIdleNotices } from "./idle-notices.ts";
import { LiveSession } from "./live-session.ts";
import { Notifier } from "./notifier.ts";
import { QueueRefresh } from "./queue-refresh.ts";
import { QueueRegistry } from "./queue-registry.ts";
import { renewLeases } from "./renew.ts";
import { reportBatch } from "./report.ts";
import { revoke, tellRunners } from "./revoke.ts";
import { createSessionHandle, type SessionHost } from "./session-handle.ts";
import type { SessionOpening } from "./sessions.ts";
import type { EngineOptions } from "./settings.ts";
import { inBatch, type RunStep } from "./step.ts";
import { Wakeups } from "./wakeups.ts";
import { watchJob } from "./watch.ts";

/** Starts the engine on a store. It owns its loops; the store stays the caller's to close. */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { store, limits, clock, settings, observer, logger } = options;
  const isShared = store.sharing === "shared";
  const queues = new QueueRegistry();
  await prepareStore(options);
  for (const queue of await store.queues()) {
    queues.put(queue);
    observer.queueDepth(queue);
  }
  const dispatcher = new Dispatcher(queues);
  dispatcher.markReady(queues.ids());
  const notifier = new Notifier();
  const committer = new Committer(options, queues, dispatcher, { committed: afterCommit, sessionFailed });
  const run: RunStep = (command) => committer.add(command);
  const refresh = new QueueRefresh({ reads: store, queues, dispatcher, committer, observer });
  const idle = isShared
    ? new SharedIdleNotices({ store, dispatcher, refresh, clock, logger })
    : exactIdleNotices(dispatcher);
  const wakeups = new Wakeups({ queues, refresh, dispatcher, committer, notifier, idle, run, clock, logger });
  const heart = new Heart(clock, settings, committer, dispatcher, () => {
    if (isShared) wakeups.beat();
  });
  const unsubscribe = store.onWakeup((wakeup) => wakeups.hear(wakeup));

  const host: SessionHost = {
    committer,
    limits,
    now: () => clock.now(),
    forget(session, why) {
      dispatcher.remove(session);
      observer.sessionClosed(session.cluster, why);
    },
    streamBroke(session) {
      host.forget(session, "lost");
      dispatcher.broken.add(session);
    },
  };

  /** Everything that is kept in memory follows the commit; nothing is sent before it. */
  function afterCommit(committed: Committed): void {
    const { uow, context, result } = committed;
    const learned = context.newQueues.filter((queue) => queues.learn(queue));
    if (learned.length > 0) dispatcher.queuesChanged();
    dispatcher.markReady(learned.filter((queue) => queue.queued > 0).map((queue) => queue.id));
    dispatcher.markEmpty(result.claimed.empty);
    for (const { queueIds, until } of result.claimed.left) dispatcher.markLeft(queueIds, until);
    dispatcher.markReady(uow.queues.ready);
    // Where others change the numbers too, they are only known from reading them.
    const touched = isShared ? [] : [...uow.queues.deltas].map(([id, delta]) => queues.add(id, delta));
    for (const act of uow.afterCommit) act();
    // First: a task that timed out may be granted again, to the same runner, in the same batch.
    closeLost(committed);
    sendGrants(committed);
    heart.beatBy(uow.queues.nextTime);
    if (result.housekept !== null) heart.beatBy(nextLook(uow.now, result.housekept.nextTime));
    if (result.housekept?.more === true) committer.tick();
    for (const { session, expiresAt } of result.renewed.extended) session.storedExpiry = expiresAt;
    for (const job of uow.changedJobs()) notifier.notify(job.id, isOver(job));
    reportBatch(observer, committed, touched);
    idle.check();
    const now = clock.now();
    if (dispatcher.hungryClasses(now, NONE, []).length > 0) committer.dispatch();
    const leftUntil = dispatcher.leftUntil(now);
    if (Number.isFinite(leftUntil)) committer.dispatchLater(leftUntil - now);
  }

  function sendGrants({ result }: Committed): void {
    for (const [session, grants] of result.claimed.grants) {
      session.credits -= grants.length;
      session.granted += grants.length;
      session.idleSent = false;
      for (const grant of grants) session.hold(grant.taskId, grant.leaseToken);
      if (!session.closed) session.sink.grants(grants);
    }
  }

  function closeLost({ result }: Committed): void {
    for (const session of [...result.claimed.superseded, ...result.renewed.superseded]) {
      if (session.closed) continue;
      host.forget(session, "superseded");
      session.sink.close({ reason: "SESSION_SUPERSEDED", message: "the session has ended or moved; connect again" });
    }
    tellRunners(dispatcher, result.housekept?.timedOut ?? [], "ATTEMPT_TIMEOUT");
    for (const { id, epoch } of result.housekept?.expired ?? []) {
      const session = dispatcher.sessions.get(id);
      if (session === undefined || session.epoch !== epoch) continue;
      host.forget(session, "lost");
      session.sink.close({ reason: "UNAVAILABLE", message: "nothing was heard of the runner for the lease duration" });
    }
  }

  function sessionFailed(session: LiveSession): void {
    if (dispatcher.sessions.get(session.id) !== session) return;
    host.forget(session, "lost");
    session.sink.close({ reason: "UNAVAILABLE", message: "an outcome could not be stored; connect again" });
  }

  function ask<T>(make: (reply: Reply<T>) => Command): Promise<T> {
    const { promise, reply } = deferred<T>();
    committer.add(make(reply));
    return promise;
  }

  async function openSession(hello: SessionHello, sink: SessionSink): Promise<Result<OpenedSession>> {
    const parsed = parseHello(hello, limits);
    if (!parsed.ok) return parsed;
    const session = new LiveSession(sink, parsed.value, clock.now());
    const { sessionId, leases } = hello;
    const opened = await ask<Result<SessionOpening>>((reply) => ({
      kind: "open",
      session,
      resume: { sessionId, leases },
      reply,
    }));
    return opened.ok ? accept(attach(session, opened.value)) : opened;
  }

  function attach(session: LiveSession, opening: SessionOpening): OpenedSession {
    const { record, kept, lost, canceled, resumed } = opening;
    const earlier = dispatcher.sessions.get(record.id);
    if (earlier !== undefined && !earlier.closed) {
      host.forget(earlier, "superseded");
      earlier.sink.close({ reason: "SESSION_SUPERSEDED", message: "another stream has resumed this session" });
    }
    session.id = record.id;
    session.epoch = record.epoch;
    session.storedExpiry = record.expiresAt;
    for (const lease of kept) {
      session.hold(lease.taskId, lease.leaseToken);
      // They may have come over an earlier stream.
      session.mayHaveParts.add(lease.leaseToken);
    }
    for (const lease of lost) session.owed.add(lease.leaseToken);
    dispatcher.add(session);
    observer.sessionOpened(session.cluster, resumed);
    observer.leasesEnded("not_listed", opening.forgotten);
    // After the welcome has been sent: all else must come behind it.
    setImmediate(() => {
      revoke(session, canceled, "JOB_CANCELED");
      committer.dispatch();
    });
    return {
      handle: createSessionHandle(host, session),
      sessionId: record.id,
      resumed,
      heartbeatIntervalMs: settings.heartbeatIntervalMs,
      leaseDurationMs: settings.leaseDurationMs,
      pingIntervalMs: settings.pingIntervalMs,
      lostLeases: lost,
    };
  }

  /** Counts refusals. */
  async function counted<T>(answer: Promise<Result<T>>): Promise<Result<T>> {
    const result = await answer;
    if (!result.ok) observer.commandRefused(result.rejection.reason, 1);
    return result;
  }

  heart.start();
  return {
    limits,
    reads: store,
    submitJob(submission) {
      const tasks = parseJob(submission, limits);
      if (!tasks.ok) return counted(Promise.resolve(tasks));
      return counted(ask((reply) => ({ kind: "submit", prepared: { submission, tasks: tasks.value }, reply })));
    },
    cancelJob: (jobId) => counted(ask((reply) => ({ kind: "cancel", jobId, reply }))),
    retryJob: (jobId) => counted(ask((reply) => ({ kind: "retry", jobId, reply }))),
    watchJob: (jobId, after, signal) => watchJob({ store, clock, notifier }, jobId, after, signal),
    openSession: (hello, sink) => counted(openSession(hello, sink)),
    createCluster: (cluster) => counted(createCluster(run, limits, () => options.ids.next(), cluster)),
    updateCluster: (change) => counted(updateCluster(run, limits, change)),
    deleteCluster: (slug) => counted(deleteCluster(run, slug)),
    putCacheValue: (target) => counted(putCacheValue(run, limits, () => options.ids.next(), target)),
    deleteCacheValues: (target) => counted(deleteCacheValues(run, target)),
    async stop() {
      heart.stop();
      unsubscribe();
      wakeups.stop();
      idle.stop();
      for (const session of dispatcher.sessions.values()) {
        session.sink.goAway("the orchestrator stops");
        dispatcher.broken.add(session);
      }
      // Whoever takes the runners over is to know when they were last heard of. Where the store is away, that is lost.
      const renewed = inBatch(run, (context) => renewLeases(context, dispatcher)).catch(() => {});
      await committer.stop();
      await renewed;
      for (const session of dispatcher.sessions.values()) observer.sessionClosed(session.cluster, "stopping");
      notifier.notifyAll();
    },
  };
}

/** What was due in a batch that did not do it is for another engine to do. It is looked after again, in case that does not. */
const LOOK_AGAIN_MS = 100;

function nextLook(now: number, nextTime: number): number {
  return nextTime > now ? nextTime : now + LOOK_AGAIN_MS;
}

const NONE: ReadonlySet<number> = new Set();

async function prepareStore({ store, clock }: EngineOptions): Promise<void> {
  await store.transact(async (tx) => {
    if ((await tx.loadClusters([DEFAULT_CLUSTER])).length > 0) return;
    const cluster = { slug: DEFAULT_CLUSTER, displayName: "Default", description: "", createdAt: clock.now() };
    await tx.write({ putClusters: [cluster] });
  });
}
