import { expect, test, vi } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import type { TaskRecord } from "../../domain/records.ts";
import { chanceOf, seeds, timeoutOf } from "../../testing/mongodb/interleaving.ts";
import { openSeveralStores } from "../../testing/mongodb/several-stores.ts";
import { aJob, aTask } from "../../testing/records.ts";
import type { Store } from "../store.ts";

const SEEDS = seeds(1);
vi.setConfig({ testTimeout: timeoutOf(SEEDS) });

const NO_BYTES = new Uint8Array();
const QUEUES = [1, 2, 3];
const BATCH = 25;

/** What one store has claimed, and what it cost. */
interface Claims {
  readonly tasks: TaskRecord[];
  /** Bodies that were run again. */
  reruns: number;
  /** Steps that claimed something. */
  batches: number;
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

  /** Claims until there is nothing left for anybody. */
  async function claimAll(store: Store): Promise<Claims> {
    const claims: Claims = { tasks: [], reruns: 0, batches: 0 };
    for (let isAll = false; !isAll; ) {
      let runs = 0;
      const batch = await store.transact(async (tx) => {
        runs++;
        const found = await tx.claimCandidates({ queueIds: QUEUES, after: null, limit: BATCH });
        const tasks = found.tasks.map(({ task }) => task);
        const updateTasks = tasks.map((task) => ({ ...task, state: "RUNNING", sessionId: "session" }) as const);
        if (tasks.length > 0) await tx.write({ updateTasks });
        return { tasks, isAll: found.isAll };
      });
      claims.reruns += runs - 1;
      claims.tasks.push(...batch.tasks);
      if (batch.tasks.length > 0) claims.batches++;
      isAll = batch.isAll;
    }
    return claims;
  }

  test.each([2, 3])("%s of them get every task once, and are seldom in each other's way", async (count) => {
    await using several = await openSeveralStores(uri, count, { beatMs: 100 });
    for (const seed of SEEDS) {
      const backlog = 1_500;
      await insertBacklog(several.any, backlog, seed);
      const claims = await Promise.all(several.stores.map(claimAll));
      const ids = claims.flatMap(({ tasks }) => tasks.map(({ id }) => id));
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.length).toBe(backlog);
      const reruns = claims.reduce((sum, claim) => sum + claim.reruns, 0);
      expect((reruns * 1_000) / backlog).toBeLessThan(10);
      for (const { tasks } of claims) expect(tasks.length).toBeGreaterThan(0);
    }
  });

  test("one that claims alone gets all of it in order, also when another is there that claims nothing", async () => {
    await using several = await openSeveralStores(uri, 2, { beatMs: 100 });
    await insertBacklog(several.any, 300, 1);
    const { tasks, reruns } = await claimAll(several.any);
    expect(tasks.length).toBe(300);
    expect(reruns).toBe(0);
    const inOrder = tasks.toSorted(
      (a, b) => b.priority - a.priority || compare(a.jobId, b.jobId) || b.depth - a.depth || compare(a.id, b.id),
    );
    expect(tasks).toEqual(inOrder);
  });
});

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
