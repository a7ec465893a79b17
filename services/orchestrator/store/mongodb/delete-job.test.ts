import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import type { JobRecord } from "../../domain/records.ts";
import { type MongoSteps, openMongoSteps } from "../../testing/mongo-steps.ts";
import { aGroup, aJob, anId, aTask } from "../../testing/records.ts";
import { CacheTable } from "./cache-values.ts";
import { deleteJobSlice } from "./delete-job.ts";
import { failureOf } from "./errors.ts";
import { GroupTable } from "./groups.ts";
import { encodeJob } from "./job-codec.ts";
import { PartTable } from "./parts.ts";
import { COLLECTIONS } from "./rows.ts";
import { encodeTask } from "./task-codec.ts";

const NO_BYTES = new Uint8Array();

describeWithMongo("deletion of a job from MongoDB", (uri) => {
  let mongo: MongoSteps;

  beforeAll(async () => {
    mongo = await openMongoSteps(uri);
  });

  afterAll(async () => {
    await mongo[Symbol.asyncDispose]();
  });

  /** A job of `count` root tasks, each with a group, a part, a cached value, entries of the change log, and counters of several processes. */
  async function insertJob(count: number): Promise<JobRecord> {
    const job = aJob({ status: "COMPLETED", endedAt: 1 });
    const { rows } = mongo.connection;
    const tasks = Array.from({ length: count }, () => aTask({ jobId: job.id, state: "COMPLETED" }));
    const groups = tasks.map((task) => aGroup({ jobId: job.id, parentId: task.id }));
    const numbers = tasks.map((_, number) => number);
    await mongo.step((step) => {
      step.insert(rows.job, { ...encodeJob(job, 0), shards: [0, 1] });
      for (const slot of [0, 1]) step.insert(rows.job_shard, { _id: `${job.id}/${slot}`, counts: [], seq: 0, rev: 0 });
      for (const task of tasks) step.insert(rows.task, encodeTask(task, NO_BYTES, 0));
      new GroupTable(step).insert(groups);
      for (const { id } of groups.slice(0, 10)) {
        step.update(rows.group, { _id: id }, { $set: { shards: [2] } });
        step.insert(rows.group_shard, { _id: `${id}/2`, open: 1, rev: 0 });
      }
      for (const number of numbers) {
        step.insert(rows.change, { _id: `${job.id}/0000/${String(number).padStart(12, "0")}`, entry: "" });
      }
      const part = { leaseToken: "token", number: 0, summary: "", payload: NO_BYTES };
      new PartTable(step).put([...tasks.slice(0, 10), job].map(({ id }) => ({ ...part, taskId: id })));
      step.insert(rows.work, {
        _id: `prune:${job.id}`,
        kind: "prune",
        job: job.id,
        target: job.id,
        touched: 1,
        keeper: 0,
      });
    });
    await mongo.step(async (step) => {
      const cache = new CacheTable(step);
      const values = numbers.map((number) => aValue(job, String(number)));
      cache.begin([{ valueId: anId("upload"), jobId: job.id, startedAt: 1 }]);
      cache.putChunks(values.map(({ valueId }) => ({ valueId, index: 0, data: NO_BYTES })));
      await cache.finish(values);
    });
    return job;
  }

  const aValue = (job: JobRecord, key: string) => ({
    valueId: anId("value"),
    jobId: job.id,
    key,
    size: 0,
    writtenAt: 1,
  });

  test("a slice takes ten round trips at most, and in the end nothing is left", async () => {
    const job = await insertJob(1_500);
    for (let finished = false, slices = 0; !finished; slices++) {
      expect(slices).toBeLessThan(50);
      const before = mongo.sent.length;
      finished = await mongo.step((step) => deleteJobSlice(step, job.id, 1_000));
      expect(mongo.sent.length - before).toBeLessThanOrEqual(10);
    }
    const { db } = mongo.connection;
    const counts = await Promise.all(
      COLLECTIONS.map(async (name) => [name, await db.collection(name).countDocuments()]),
    );
    expect(counts.filter(([name, count]) => name !== "meta" && count !== 0)).toEqual([]);
  });

  test("a job that is being deleted says so", async () => {
    const job = await insertJob(5);
    expect(await mongo.step((step) => deleteJobSlice(step, job.id, 2))).toBe(false);
    expect(await mongo.connection.rows.job.findOne({ _id: job.id })).toMatchObject({ deleting: true });
  });

  const conflict = (error: unknown) => failureOf(error) === "conflict";

  test("a value that comes in the moment in which its job is deleted is not left behind", async () => {
    const job = await insertJob(1);
    const finish = mongo.collide(
      async (step) => expect(await deleteJobSlice(step, job.id, 1_000)).toBe(true),
      (step) => new CacheTable(step).finish([aValue(job, "late")]),
    );
    await expect(finish).rejects.toSatisfy(conflict);
    const other = await insertJob(1);
    const deletion = mongo.collide(
      (step) => new CacheTable(step).finish([aValue(other, "early")]),
      async (step) => expect(await deleteJobSlice(step, other.id, 1_000)).toBe(true),
    );
    await expect(deletion).rejects.toSatisfy(conflict);
  });

  test("values of a job that goes on are written by several processes at once", async () => {
    const job = aJob();
    const { rows } = mongo.connection;
    await mongo.step((step) => step.insert(rows.job, encodeJob(job, 0)));
    await mongo.collide(
      (step) => new CacheTable(step).finish([aValue(job, "one")]),
      (step) => new CacheTable(step).finish([aValue(job, "other")]),
    );
    const found = await mongo.step((step) => new CacheTable(step).below(job.id, "", 10));
    expect(found.map(({ key }) => key)).toEqual(["one", "other"]);
  });
});
