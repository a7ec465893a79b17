import { describe, expect, test, vi } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import type { SessionRecord, TaskRecord } from "../../domain/records.ts";
import { chanceOf, type Gate, interleave, seeds, timeoutOf } from "../../testing/mongodb/interleaving.ts";
import { openSeveralStores, type SeveralStores } from "../../testing/mongodb/several-stores.ts";
import { aCluster, aJob, anId, aSession, aTask } from "../../testing/records.ts";
import type { QueueKey, Store, StoreTransaction } from "../store.ts";

const SEEDS = seeds(2);
vi.setConfig({ testTimeout: timeoutOf(SEEDS) });

const NO_BYTES = new Uint8Array();
/** Races of each test with each seed. */
const ROUNDS = 3;

describeWithMongo("several stores that want the same", (uri) => {
  /** Lets three stores race `ROUNDS` times for each seed. */
  async function race(
    prepare: (several: SeveralStores) => Promise<{
      contend(store: Store, gate: Gate): Promise<void>;
      check(): Promise<void>;
    }>,
  ) {
    await using several = await openSeveralStores(uri, 3);
    for (const seed of SEEDS) {
      for (let round = 0; round < ROUNDS; round++) {
        const { contend, check } = await prepare(several);
        await interleave(
          chanceOf(seed * ROUNDS + round),
          several.stores.map((store) => (gate) => contend(store, gate)),
        );
        await check();
      }
    }
  }

  async function insertTask(store: Store): Promise<TaskRecord> {
    const job = aJob();
    const task = aTask({ jobId: job.id });
    await store.transact((tx) => tx.write({ insertJobs: [job], insertTasks: [{ task, input: NO_BYTES }] }));
    return task;
  }

  async function load(tx: StoreTransaction, id: string): Promise<TaskRecord> {
    const [task] = await tx.loadTasks([id]);
    if (task === undefined) throw new Error(`there is no task ${id}`);
    return task;
  }

  test("a task is claimed by exactly one of them", async () => {
    await race(async ({ any }) => {
      const task = await insertTask(any);
      const winners: string[] = [];
      return {
        async contend(store, gate) {
          const leaseToken = anId("token");
          const won = await store.transact(async (tx) => {
            const { tasks } = await tx.claimCandidates({ queueIds: [1], after: null, limit: 10 });
            const found = tasks.find((candidate) => candidate.task.id === task.id)?.task;
            await gate();
            if (found === undefined) return false;
            const running = { ...found, state: "RUNNING", attempt: 1, leaseToken, sessionId: "session" } as const;
            await tx.write({ updateTasks: [running] });
            return true;
          });
          if (won) winners.push(leaseToken);
        },
        async check() {
          expect((await any.task(task.id))?.leaseToken).toBe(winners[0]);
          expect(winners.length).toBe(1);
        },
      };
    });
  });

  test("nobody overwrites what he has not seen", async () => {
    await race(async ({ any }) => {
      const task = await insertTask(any);
      const steps = 4;
      return {
        async contend(store, gate) {
          for (let step = 0; step < steps; step++) {
            await store.transact(async (tx) => {
              const now = await load(tx, task.id);
              await gate();
              await tx.write({ updateTasks: [{ ...now, attempt: now.attempt + 1 }] });
            });
          }
        },
        check: async () => expect((await any.task(task.id))?.attempt).toBe(3 * steps),
      };
    });
  });

  test("a step that guards a task and one that changes it are not both committed on what was before", async () => {
    await race(async ({ any, stores }) => {
      const branch = await insertTask(any);
      let made = 0;
      let seen = -1;

      async function failBranch(tx: StoreTransaction, gate: Gate): Promise<number> {
        const task = await load(tx, branch.id);
        const { tasks } = await tx.scanJob(branch.jobId, null, 100);
        await gate();
        await tx.write({ updateTasks: [{ ...task, branchFailed: true }] });
        return tasks.filter(({ scopeId }) => scopeId === branch.id).length;
      }

      async function makeTaskBelow(tx: StoreTransaction, gate: Gate): Promise<boolean> {
        const { branchFailed } = await load(tx, branch.id);
        await gate();
        if (branchFailed) return false;
        const task = aTask({ jobId: branch.jobId, scopeId: branch.id });
        await tx.write({ insertTasks: [{ task, input: NO_BYTES }], guardTasks: [branch.id] });
        return true;
      }

      return {
        async contend(store, gate) {
          if (store === stores[0]) seen = await store.transact((tx) => failBranch(tx, gate));
          else if (await store.transact((tx) => makeTaskBelow(tx, gate))) made++;
        },
        check: async () => expect(seen).toBe(made),
      };
    });
  });

  const USES_OF_SESSIONS: Readonly<Record<string, (tx: StoreTransaction, session: SessionRecord) => Promise<void>>> = {
    guards: (tx, session) => tx.write({ putClusters: [aCluster()], guardSessions: [session.id] }),
    extends: (tx, { id, epoch, expiresAt }) =>
      tx.write({ extendSessions: [{ id, epoch, expiresAt: expiresAt + 60_000 }] }),
    replaces: (tx, session) => tx.write({ putSessions: [{ ...session, epoch: session.epoch + 1 }] }),
  };

  test.each(Object.entries(USES_OF_SESSIONS))(
    "a step that %s a session and one that gives it up are not both committed on what was before",
    async (_, use) => {
      await race(async ({ any, stores }) => {
        const session = aSession();
        await any.transact((tx) => tx.write({ putSessions: [session] }));
        const there = async () => (await any.listSessions(null, { limit: 1_000, after: null })).items;
        const isThere = async () => (await there()).some((item) => item.session.id === session.id);
        return {
          async contend(store, gate) {
            const isLast = store === stores[0];
            const used = await store.transact(async (tx) => {
              const [found] = await tx.loadSessions([session.id]);
              await gate();
              if (found === undefined) return false;
              if (isLast) await tx.write({ deleteSessions: [session.id] });
              else await use(tx, found);
              return true;
            });
            if (used) expect(await isThere()).toBe(!isLast);
          },
          check: async () => expect(await isThere()).toBe(false),
        };
      });
    },
  );

  test("jobs under one idempotency key are one job, and who comes too late sees it", async () => {
    await race(async ({ any }) => {
      const idempotencyKey = anId("key");
      const found: string[] = [];
      return {
        async contend(store, gate) {
          const own = aJob({ idempotencyKey });
          found.push(
            await store.transact(async (tx) => {
              const [there] = await tx.loadJobsByIdempotencyKey([idempotencyKey]);
              await gate();
              if (there !== undefined) return there.id;
              await tx.write({ insertJobs: [own], insertTasks: [{ task: aTask({ jobId: own.id }), input: NO_BYTES }] });
              return own.id;
            }),
          );
        },
        async check() {
          expect(new Set(found).size).toBe(1);
          expect(await any.job(found[0] ?? "")).toMatchObject({ idempotencyKey });
        },
      };
    });
  });

  test("a queue has one id whoever makes it, and its numbers add up", async () => {
    const keys: QueueKey[] = [];
    const ids = new Map<string, Set<number>>();
    await using several = await openSeveralStores(uri, 3);
    for (const seed of SEEDS) {
      const chance = chanceOf(seed);
      const cluster = anId("cluster");
      const fresh = [0, 1, 2, 3].map((minor) => ({ cluster, name: "Task", major: 1, minor }));
      keys.push(...fresh);
      const sums = new Map<string, { queued: number; running: number }>();
      const use = (store: Store) => async (gate: Gate) => {
        for (let step = 0; step < 3; step++) {
          const wanted = [0, 1, 2].map(() => chance.pick(chance.is(0.8) ? fresh : keys));
          const delta = { queued: chance.between(1, 9), running: chance.between(0, 3) };
          const queues = await store.transact(async (tx) => {
            const interned = await tx.internQueues(wanted);
            await gate();
            await tx.write({ queueDeltas: interned.slice(0, 1).map(({ id }) => ({ queueId: id, ...delta })) });
            return interned;
          });
          for (const [index, { id, ...queue }] of queues.entries()) {
            expect(queue).toMatchObject(wanted[index] ?? {});
            const key = JSON.stringify(wanted[index]);
            ids.set(key, (ids.get(key) ?? new Set()).add(id));
          }
          const key = JSON.stringify(wanted[0]);
          const before = sums.get(key) ?? { queued: 0, running: 0 };
          sums.set(key, { queued: before.queued + delta.queued, running: before.running + delta.running });
        }
      };
      const before = await numbers(several.any);
      await interleave(chance, several.stores.map(use));
      for (const store of several.stores) {
        const after = await numbers(store);
        for (const [key, { queued, running }] of sums) {
          const were = before.get(key) ?? { queued: 0, running: 0 };
          expect(after.get(key)).toEqual({ queued: were.queued + queued, running: were.running + running });
        }
      }
    }
    const all = [...ids.values()].flatMap((own) => [...own]);
    expect([...ids.values()].filter((own) => own.size !== 1)).toEqual([]);
    expect(new Set(all).size).toBe(all.length);
  });

  async function numbers(store: Store): Promise<Map<string, { queued: number; running: number }>> {
    const queues = await store.queues();
    return new Map(
      queues.map(({ cluster, name, major, minor, queued, running }) => [
        JSON.stringify({ cluster, name, major, minor }),
        { queued, running },
      ]),
    );
  }

  type Use = (tx: StoreTransaction, cluster: string) => Promise<void>;

  const USES_OF_CLUSTERS: Readonly<Record<string, Use>> = {
    "tasks are made for it": async (tx, cluster) => {
      const [queue] = await tx.internQueues([{ cluster, name: "Task", major: 1, minor: 0 }]);
      const queueId = queue?.id ?? 0;
      const job = aJob();
      await tx.write({
        insertJobs: [job],
        insertTasks: [{ task: aTask({ jobId: job.id, queueId }), input: NO_BYTES }],
      });
      await tx.write({ queueDeltas: [{ queueId, queued: 1, running: 0 }] });
    },
    "tasks that wait are made for it": async (tx, cluster) => {
      const [queue] = await tx.internQueues([{ cluster, name: "Task", major: 1, minor: 0 }]);
      const job = aJob();
      const task = aTask({ jobId: job.id, queueId: queue?.id ?? 0, state: "BLOCKED" });
      await tx.write({ insertJobs: [job], insertTasks: [{ task, input: NO_BYTES }] });
    },
    "a runner connects to it": (tx, cluster) => tx.write({ putSessions: [aSession({ cluster })] }),
  };

  /** As for a task that has come and gone. */
  async function useQueue(tx: StoreTransaction, cluster: string) {
    const [queue] = await tx.internQueues([{ cluster, name: "Task", major: 1, minor: 0 }]);
    await tx.write({ queueDeltas: [{ queueId: queue?.id ?? 0, queued: 0, running: 0 }] });
  }

  describe.each([
    ["whose queue all of them have used", true],
    ["that is new", false],
  ])("a cluster %s", (_, isUsed) => {
    test.each(Object.entries(USES_OF_CLUSTERS))("is not deleted while %s", async (_name, use) => {
      await race(async ({ any, stores }) => {
        const cluster = aCluster();
        const { slug } = cluster;
        await any.transact((tx) => tx.write({ putClusters: [cluster] }));
        if (isUsed) for (const store of stores) await store.transact((tx) => useQueue(tx, slug));
        let uses = 0;
        let deletions = 0;
        return {
          async contend(store, gate) {
            const isDeletion = store === stores[0];
            await gate();
            const done = await store.transact(async (tx) => {
              const [found] = await tx.loadClusters([slug]);
              const inUse = isDeletion && (await tx.clusterInUse(slug));
              await gate();
              if (found === undefined || inUse) return false;
              if (isDeletion) await tx.write({ deleteClusters: [slug] });
              else await use(tx, slug);
              return true;
            });
            if (!done) return;
            if (isDeletion) deletions++;
            else uses++;
          },
          async check() {
            const isThere = (await any.clusters()).some((each) => each.slug === slug);
            expect({ isThere, wasUsed: uses > 0 }).toEqual({ isThere: deletions === 0, wasUsed: deletions === 0 });
          },
        };
      });
    });
  });
});
