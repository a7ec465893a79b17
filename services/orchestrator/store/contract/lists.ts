import { expect, test } from "vitest";
import type { JobState } from "../../domain/job-state.ts";
import { NO_COUNTS } from "../../domain/records.ts";
import { aJob, aSession, aTask, SOME_TIME } from "../../testing/records.ts";
import type { JobFilter } from "../store.ts";
import { allPages, bytes, describeContract, idsOf, type StoreContract, times } from "./contract.ts";

const EVERYTHING: JobFilter = {
  states: [],
  nameContains: "",
  submittedFrom: null,
  submittedUntil: null,
  cluster: null,
};

/** Lists of jobs and sessions. */
export function contractLists(contract: StoreContract): void {
  describeContract(contract, "lists", ({ store, write }) => {
    const listJobs = (filter: Partial<JobFilter>, limit = 2) =>
      allPages(
        (after) => store().listJobs({ ...EVERYTHING, ...filter }, { limit, after }),
        (page) => page.items,
      );

    test.each([1, 3, 100])("jobs, the newest first, %i a page", async (limit) => {
      const jobs = times(7, (index) => aJob({ name: `job ${index}`, submittedAt: SOME_TIME + index }));
      await write({ insertJobs: jobs });
      expect(await listJobs({}, limit)).toEqual(jobs.toReversed());
    });

    test("pages of jobs stay in place while jobs come", async () => {
      const jobs = times(4, () => aJob());
      await write({ insertJobs: jobs });
      const first = await store().listJobs(EVERYTHING, { limit: 2, after: null });
      await write({ insertJobs: [aJob()] });
      const second = await store().listJobs(EVERYTHING, { limit: 2, after: first.next });
      expect(idsOf([...first.items, ...second.items])).toEqual(idsOf(jobs.toReversed()));
    });

    test("jobs by state as users see it", async () => {
      const running = { ...NO_COUNTS, RUNNING: 1 };
      const jobs = {
        SUBMITTED: aJob(),
        RUNNING: aJob({ startedAt: SOME_TIME, counts: running }),
        STARTED: aJob({ startedAt: SOME_TIME }),
        COMPLETED: aJob({ status: "COMPLETED", startedAt: SOME_TIME }),
        FAILED: aJob({ status: "FAILED", startedAt: SOME_TIME, counts: running }),
        CANCELED: aJob({ status: "CANCELED" }),
      } satisfies Record<JobState, unknown>;
      await write({ insertJobs: Object.values(jobs) });
      for (const [state, job] of Object.entries(jobs)) {
        expect(await listJobs({ states: [state as JobState] })).toEqual([job]);
      }
      expect(await listJobs({ states: ["SUBMITTED", "FAILED"] })).toEqual([jobs.FAILED, jobs.SUBMITTED]);
      await write({ updateJobs: [{ ...jobs.STARTED, counts: running }] });
      expect(idsOf(await listJobs({ states: ["RUNNING"] }))).toEqual([jobs.STARTED.id, jobs.RUNNING.id]);
      expect(await listJobs({ states: ["STARTED"] })).toEqual([]);
    });

    test("jobs by part of the name, whatever its case", async () => {
      const names = ["Land cover", "land_cover", "LÄNDER", "other"];
      const jobs = names.map((name) => aJob({ name }));
      await write({ insertJobs: jobs });
      const found = async (nameContains: string) => (await listJobs({ nameContains })).map((job) => job.name);
      expect(await found("LAND")).toEqual(["land_cover", "Land cover"]);
      expect(await found("länd")).toEqual(["LÄNDER"]);
      expect(await found("d_c")).toEqual(["land_cover"]);
      expect(await found("%")).toEqual([]);
      expect(await found(".*")).toEqual([]);
    });

    test("jobs by time of submission and by cluster, all filters at once", async () => {
      const jobs = times(5, (index) =>
        aJob({ name: `n${index}`, submittedAt: SOME_TIME + index, clusters: index % 2 === 0 ? ["a", "b"] : ["ab"] }),
      );
      await write({ insertJobs: jobs });
      const found = async (filter: Partial<JobFilter>) => (await listJobs(filter)).map((job) => job.name);
      expect(await found({ submittedFrom: SOME_TIME + 3 })).toEqual(["n4", "n3"]);
      expect(await found({ submittedUntil: SOME_TIME + 2 })).toEqual(["n1", "n0"]);
      expect(await found({ cluster: "a" })).toEqual(["n4", "n2", "n0"]);
      expect(await found({ cluster: "b" })).toEqual(["n4", "n2", "n0"]);
      expect(await found({ cluster: "unknown" })).toEqual([]);
      const all = { submittedFrom: SOME_TIME + 1, submittedUntil: SOME_TIME + 4, cluster: "a", nameContains: "N" };
      expect(await found({ ...all, states: ["SUBMITTED"] })).toEqual(["n2"]);
    });

    test("jobs behind a cursor of somebody else's: none", async () => {
      await write({ insertJobs: [aJob()] });
      expect(await store().listJobs(EVERYTHING, { limit: 5, after: "?" })).toEqual({ items: [], next: null });
    });

    test("sessions by time of connection and id, with what they run", async () => {
      const job = aJob();
      const late = aSession({ connectedAt: SOME_TIME + 5 });
      const sessions = times(5, (index) => aSession({ cluster: index < 3 ? "a" : "b" }));
      const [first] = sessions;
      const running = times(3, () => aTask({ jobId: job.id, state: "RUNNING", sessionId: first?.id ?? "" }));
      await write({
        putSessions: [late, ...sessions.toReversed()],
        insertJobs: [job],
        insertTasks: running.map((task) => ({ task, input: bytes(1) })),
      });
      const list = (cluster: string | null, limit: number) =>
        allPages(
          (after) => store().listSessions(cluster, { limit, after }),
          (page) => page.items,
        );
      for (const limit of [1, 4, 100]) {
        const all = await list(null, limit);
        expect(all.map(({ session }) => session)).toEqual([...sessions, late]);
        expect(all.map((item) => item.running)).toEqual([3, 0, 0, 0, 0, 0]);
        expect((await list("a", limit)).map(({ session }) => session)).toEqual(sessions.slice(0, 3));
      }
      expect(await list("unknown", 10)).toEqual([]);
      expect(await store().listSessions(null, { limit: 5, after: "?" })).toEqual({ items: [], next: null });
    });
  });
}
