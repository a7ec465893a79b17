import { expect, test } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import { openSeveralStores, type SeveralStores } from "../../testing/mongodb/several-stores.ts";
import { aCluster, aJob, aTask } from "../../testing/records.ts";
import type { Store, StoreTransaction } from "../store.ts";

const NO_BYTES = new Uint8Array();
/** A store that does not look after its slot while a test goes on. */
const ASLEEP = { beatMs: 600_000 };

describeWithMongo("a slot", (uri) => {
  /** Nothing was heard of the owner of slot 0 for long: whoever comes gets it. */
  async function takeOver(several: SeveralStores): Promise<Store> {
    const { beat, replica } = several.rows;
    const before = await replica.findOne({ _id: 0 });
    await beat.updateOne({ _id: 0 }, { $set: { at: new Date(0) } });
    const store = await several.open();
    expect((await replica.findOne({ _id: 0 }))?.owner).not.toBe(before?.owner);
    return store;
  }

  const slots = async ({ rows }: SeveralStores) => {
    const owners = await rows.replica.find({}, { sort: { _id: 1 } }).toArray();
    expect(new Set(owners.map(({ owner }) => owner)).size).toBe(owners.length);
    return owners.map(({ _id }) => _id);
  };

  test("that was taken over while its owner slept: its next step runs again under another one", async () => {
    await using several = await openSeveralStores(uri, 0);
    const sleeper = await several.open(ASLEEP);
    await sleeper.transact((tx) => tx.write({ insertJobs: [aJob()] }));
    await takeOver(several);
    const job = aJob();
    let runs = 0;
    await sleeper.transact(async (tx) => {
      runs++;
      await tx.write({ insertJobs: [job] });
    });
    expect(runs).toBe(2);
    expect(await slots(several)).toEqual([0, 1]);
    expect(await several.any.job(job.id)).toEqual(job);
  });

  test("that is taken over in the middle of a step: nothing of it is committed under that slot", async () => {
    await using several = await openSeveralStores(uri, 0, { divideFrom: 1 });
    const sleeper = await several.open(ASLEEP);
    const job = aJob();
    await sleeper.transact((tx) => tx.write({ insertJobs: [job] }));
    let other: Store | null = null;
    const count = async (tx: StoreTransaction) => {
      const [now] = await tx.loadJobs([job.id]);
      const counts = { ...job.counts, QUEUED: (now?.counts.QUEUED ?? 0) + 1 };
      await tx.write({ updateJobs: [{ ...job, counts }] });
    };
    await sleeper.transact(async (tx) => {
      await count(tx);
      other ??= await takeOver(several);
    });
    const counted = (await several.rows.job_shard.find().toArray()).filter(({ counts }) =>
      counts.some((count) => count > 0),
    );
    expect(counted.map(({ _id }) => _id)).toEqual([`${job.id}/1`]);
    await (other as Store | null)?.transact(count);
    expect((await several.any.job(job.id))?.counts.QUEUED).toBe(2);
    expect(await slots(several)).toEqual([0, 1]);
  });

  test("that was taken over: what its owner knew of it is forgotten", async () => {
    await using several = await openSeveralStores(uri, 0);
    const sleeper = await several.open(ASLEEP);
    const cluster = aCluster();
    await sleeper.transact((tx) => tx.write({ putClusters: [cluster] }));
    const makeTask = async (tx: StoreTransaction) => {
      const [queue] = await tx.internQueues([{ cluster: cluster.slug, name: "Task", major: 1, minor: 0 }]);
      const queueId = queue?.id ?? 0;
      const job = aJob();
      const task = aTask({ jobId: job.id, queueId, state: "COMPLETED" });
      await tx.write({ insertJobs: [job], insertTasks: [{ task, input: NO_BYTES }] });
    };
    await sleeper.transact(makeTask);
    const other = await takeOver(several);
    await sleeper.transact((tx) => tx.write({ insertJobs: [aJob()] }));
    let runs = 0;
    await sleeper.transact(async (tx) => {
      if ((await tx.loadClusters([cluster.slug])).length === 0) return;
      await makeTask(tx);
      if (++runs === 1) await other.transact((tx) => tx.write({ deleteClusters: [cluster.slug] }));
    });
    expect(runs).toBe(1);
    expect(await several.any.clusters()).toEqual([]);
    expect(await several.rows.queue_count.countDocuments({ _id: /[/]1$/ })).toBe(0);
  });

  test("that was taken over from a store which does nothing: it takes another by itself", async () => {
    await using several = await openSeveralStores(uri, 1, { beatMs: 50 });
    await takeOver(several);
    await expect.poll(() => slots(several), { timeout: 10_000 }).toEqual([0, 1]);
    await expect.poll(() => several.rows.beat.countDocuments(), { timeout: 10_000 }).toBe(2);
  });

  test("that was given up is taken by the next; of several who come at once each gets another", async () => {
    await using several = await openSeveralStores(uri, 3);
    await several.stores[1]?.close();
    expect(await several.rows.beat.countDocuments()).toBe(2);
    await Promise.all([several.open(), several.open(), several.open()]);
    expect(await slots(several)).toEqual([0, 1, 2, 3, 4]);
    let runs = 0;
    await Promise.all(
      several.stores.map(async (store, index) => {
        if (index === 1) return;
        await store.transact(async (tx) => {
          runs++;
          await tx.write({ insertJobs: [aJob()] });
        });
      }),
    );
    expect(runs).toBe(5);
  });
});
