import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import type { JobRecord, TaskRecord } from "../../domain/records.ts";
import { type MongoSteps, openMongoSteps } from "../../testing/mongo-steps.ts";
import { aJob, aTask } from "../../testing/records.ts";
import { allPages, idsOf, times } from "../contract/contract.ts";
import type { JobFilter } from "../store.ts";
import { CacheReader, CacheTable } from "./cache-values.ts";
import { encodeJob } from "./job-codec.ts";
import { JobReader } from "./job-reader.ts";
import { encodeTask } from "./task-codec.ts";
import { TaskReader } from "./task-reader.ts";

const EVERYTHING: JobFilter = {
  states: [],
  nameContains: "",
  submittedFrom: null,
  submittedUntil: null,
  cluster: null,
};

describeWithMongo("lists of MongoDB", (uri) => {
  let mongo: MongoSteps;

  beforeAll(async () => {
    mongo = await openMongoSteps(uri);
  });

  afterAll(async () => {
    await mongo[Symbol.asyncDispose]();
  });

  const insertJobs = (jobs: readonly JobRecord[]) =>
    mongo.step((step) => {
      for (const job of jobs) step.insert(step.rows.job, encodeJob(job, 0));
    });

  const listJobs = (filter: Partial<JobFilter>, limit: number) =>
    allPages(
      (after) => new JobReader(mongo.connection).list({ ...EVERYTHING, ...filter }, { limit, after }),
      (page) => page.items,
    );

  test("jobs that are far apart, more than are looked at at once", async () => {
    const many = (count: number) => times(count, () => aJob({ name: "one of many" }));
    const wanted = (number: number) => aJob({ name: `wanted ${number}` });
    const jobs = [wanted(0), ...many(9_990), wanted(1), ...many(20), wanted(2)];
    await insertJobs(jobs);
    for (const limit of [1, 2, 5]) {
      const found = await listJobs({ nameContains: "WANTED" }, limit);
      expect(found.map(({ name }) => name)).toEqual(["wanted 2", "wanted 1", "wanted 0"]);
    }
    await mongo.connection.rows.job.deleteMany({});
  });

  test("names with characters that mean something to the database", async () => {
    const names = ["costs $name", "a\\b", "100%", "(x)", "$folded"];
    await insertJobs(names.map((name) => aJob({ name })));
    for (const name of names)
      expect((await listJobs({ nameContains: name }, 10)).map((job) => job.name)).toEqual([name]);
    expect((await listJobs({ nameContains: "$" }, 10)).length).toBe(2);
    await mongo.connection.rows.job.deleteMany({});
  });

  test("jobs by state when processes count for themselves", async () => {
    const [running, started] = [aJob({ startedAt: 1 }), aJob({ startedAt: 1 })];
    await insertJobs([running, started]);
    await mongo.step((step) => {
      for (const [job, count] of [
        [running, 2],
        [started, 0],
      ] as const) {
        step.update(step.rows.job, { _id: job.id }, { $set: { shards: [7] } });
        const counts = [0, 0, count, 0, 0, 0, 0, 0];
        step.insert(step.rows.job_shard, { _id: `${job.id}/7`, counts, seq: 0, rev: 0 });
      }
    });
    const ids = async (state: "RUNNING" | "STARTED") => idsOf(await listJobs({ states: [state] }, 1));
    expect(await ids("RUNNING")).toEqual([running.id]);
    expect(await ids("STARTED")).toEqual([started.id]);
  });

  test("tasks in a rare state, among more than are looked at at once", async () => {
    const job = aJob();
    const tasks = times(4_500, (index) => aTask({ jobId: job.id, state: stateAt(index) }));
    await mongo.step((step) => {
      for (const task of tasks) step.insert(step.rows.task, encodeTask(task, new Uint8Array(), 0));
    });
    const failed = tasks.filter(({ state }) => state === "FAILED");
    const reader = new TaskReader(mongo.connection);
    for (const limit of [1, 2, 10]) {
      const filter = { jobId: job.id, states: ["FAILED" as const], includeInput: false };
      const found = await allPages(
        (after) => reader.list(filter, { limit, after }),
        (page) => page.items,
      );
      expect(found.map(({ task }) => task)).toEqual(failed);
    }
  });

  test("many groups of cached values cost few round trips", async () => {
    const keys = times(90, (index) => `group ${String(index).padStart(3, "0")}/value`);
    const values = keys.map((key) => ({ valueId: `v ${key}`, jobId: "job", key, size: 0, writtenAt: 1 }));
    await mongo.step((step) => new CacheTable(step).finish(values));
    const before = mongo.sent.length;
    const filter = { jobId: "job", prefix: "", directOnly: true };
    const listing = await new CacheReader(mongo.connection).list(filter, { limit: 100, after: null });
    expect(listing.groups).toEqual(keys.map((key) => key.slice(0, -"value".length)));
    expect(mongo.sent.length - before).toBe(1);
  });
});

/** Failed: the first, those around the end of what is looked at at once, and the last. */
function stateAt(index: number): TaskRecord["state"] {
  return [0, 1_998, 1_999, 2_000, 2_001, 4_499].includes(index) ? "FAILED" : "COMPLETED";
}
