import { expect, test, vi } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import type { TaskRecord } from "../../domain/records.ts";
import { chanceOf, seeds, timeoutOf } from "../../testing/mongodb/interleaving.ts";
import { openSeveralStores } from "../../testing/mongodb/several-stores.ts";
import { aJob, aTask } from "../../testing/records.ts";
import type { Store, StoreTransaction } from "../store.ts";

const SEEDS = seeds(1);
vi.setConfig({ testTimeout: timeoutOf(SEEDS) });

const NO_BYTES = new Uint8Array();
const QUEUES = [1, 2, 3];
const BATCH = 25;

/** What one step has claimed. */
interface Batch {
  readonly tasks: TaskRecord[];
  readonly isAll: boolean;
  /** How often its body was run again. */
  readonly reruns: number;
}

/** Resolves for all who wait for it as soon as there are `count`. */
function barrier(count: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let waiting = 0;
  return () => {
    if (++waiting === count) resolve();
    return promise;
  };
}

describeWithMongo("stores that claim from the same queues", (uri) => {
  async function insertBacklog(store: Store, count: number, seed: number): Promise<void> {
    const chance = chanceOf(seed);
    const jobs = [aJob(), aJob(), aJob()];
    const insertTasks = Array.from({ length: count }, () => {
      const task = aTask({
        jobId: chance.pick(jobs).id,
        queueId: chance.pick(QUEUES),
        priority: chance.between(0, 2),
        depth: chance.between(0, 2),
      });
      return { task, input: NO_BYTES };
    });
    await store.transact((tx) => tx.write({ insertJobs: jobs, insertTasks }));
  }

  const candidates = (tx: StoreTransaction) => tx.claimCandidates({ queueIds: QUEUES, after: null, limit: BATCH });

  /** Claims up to a batch; `found` is awaited between finding and taking, once. */
  async function claimOnce(store: Store, found: () => Promise<void>): Promise<Batch> {
    let runs = 0;
    const { tasks, isAll } = await store.transact(async (tx) => {
      const claimable = await candidates(tx);
      if (runs++ === 0) await found();
      const tasks = claimable.tasks.map(({ task }) => task);
      const updateTasks = tasks.map((task) => ({ ...task, state: "RUNNING", sessionId: "session" }) as const);
      if (tasks.length > 0) await tx.write({ updateTasks });
      return { tasks, isAll: claimable.isAll };
    });
    return { tasks, isAll, reruns: runs - 1 };
  }

  /** Claims until there is nothing left for anybody. */
  async function claimAll(store: Store): Promise<Batch[]> {
    const batches: Batch[] = [];
    while (batches.at(-1)?.isAll !== true) batches.push(await claimOnce(store, async () => {}));
    return batches;
  }

  /** Waits until the stores know of each other that they claim: then no two of them find the same. */
  async function untilDivided(stores: readonly Store[]): Promise<void> {
    await vi.waitFor(async () => {
      const found = await Promise.all(stores.map((store) => store.transact(candidates)));
      const ids = found.flatMap(({ tasks }) => tasks.map(({ task }) => task.id));
      expect(found.every(({ tasks }) => tasks.length === BATCH)).toBe(true);
      expect(new Set(ids).size).toBe(ids.length);
    }, 20_000);
  }

  test.each([2, 3])(
    "%s of them get every task once, and are not in each other's way as long as each has its own",
    async (count) => {
      await using several = await openSeveralStores(uri, count, { beatMs: 500 });
      for (const seed of SEEDS) {
        const backlog = 1_500;
        await insertBacklog(several.any, backlog, seed);
        await untilDivided(several.stores);
        const claims: Batch[][] = several.stores.map(() => []);
        let collided = 0;
        for (let hasOwn = true; hasOwn; ) {
          // The worst case: all have found theirs before anybody takes them.
          const all = barrier(count);
          const round = await Promise.all(several.stores.map((store) => claimOnce(store, all)));
          for (const [index, batch] of round.entries()) claims[index]?.push(batch);
          if (round.some(({ reruns }) => reruns > 0)) collided++;
          hasOwn = round.every(({ tasks }) => tasks.length === BATCH);
        }
        // Before a store knows how long steps take, a part may move on between two looks of one round.
        expect(collided).toBeLessThanOrEqual(1);
        const rest = await Promise.all(several.stores.map(claimAll));
        const ids = [...claims.flat(), ...rest.flat()].flatMap(({ tasks }) => tasks.map(({ id }) => id));
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids.length).toBe(backlog);
      }
    },
  );

  test("one finds what is another's as soon as that one has no room for more, also while it finds its own", async () => {
    await using several = await openSeveralStores(uri, 2, { beatMs: 100 });
    const [full, other] = several.stores as [Store, Store];
    await insertBacklog(several.any, 300, 1);
    await untilDivided(several.stores);
    const { tasks } = await claimOnce(full, async () => {});
    expect(tasks.length).toBe(BATCH);
    const look = (tx: StoreTransaction) => tx.claimCandidates({ queueIds: QUEUES, after: null, limit: 1_000 });
    await vi.waitFor(async () => expect((await other.transact(look)).tasks.length).toBe(300 - BATCH), 20_000);
    // And leaves it to that one again when it wants some.
    await vi.waitFor(async () => {
      const found = await Promise.all([full, other].map((store) => store.transact(look)));
      const ids = found.flatMap(({ tasks }) => tasks.map(({ task }) => task.id));
      expect(new Set(ids).size).toBe(ids.length);
    }, 20_000);
  });

  test("one that claims alone gets all of it in order, also when another is there that claims nothing", async () => {
    await using several = await openSeveralStores(uri, 2, { beatMs: 100 });
    await insertBacklog(several.any, 300, 1);
    const claims = await claimAll(several.any);
    expect(claims.filter(({ reruns }) => reruns > 0)).toEqual([]);
    const tasks = claims.flatMap((batch) => batch.tasks);
    expect(tasks.length).toBe(300);
    const inOrder = tasks.toSorted(
      (a, b) => b.priority - a.priority || compare(a.jobId, b.jobId) || b.depth - a.depth || compare(a.id, b.id),
    );
    expect(tasks).toEqual(inOrder);
  });
});

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
