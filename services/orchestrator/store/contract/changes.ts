import { expect, test } from "vitest";
import { NO_COUNTS } from "../../domain/records.ts";
import { aJob, SOME_TIME } from "../../testing/records.ts";
import type { ChangeEntry, NewChangeEntry, TaskChangeEntry } from "../store.ts";
import { describeContract, present, type StoreContract, times } from "./contract.ts";

/** The change log of a job. */
export function contractChanges(contract: StoreContract): void {
  describeContract(contract, "change log", ({ store, write, inside }) => {
    const job = aJob({ name: "watched", clusters: ["a"], traceParent: "trace" });

    const step = (label: string): TaskChangeEntry => ({ taskId: label, state: "QUEUED", attempt: 0 });

    const entry = (...labels: string[]): NewChangeEntry => ({ jobId: job.id, job, tasks: labels.map(step) });

    const labelsOf = (entries: readonly ChangeEntry[]) => entries.flatMap(({ tasks }) => tasks.map((t) => t.taskId));

    test("entries come back as they were written", async () => {
      const tasks: TaskChangeEntry[] = [
        { taskId: "1", state: "QUEUED", attempt: 0, created: { parentId: null, queueId: 3, group: 0 }, display: "" },
        { taskId: "2", state: "BLOCKED", attempt: 0, created: { parentId: "1", queueId: 1, group: 12 }, display: "d" },
        { taskId: "1", state: "RUNNING", attempt: 1 },
        { taskId: "1", state: "RUNNING", attempt: 1, display: "named while it runs" },
        { taskId: "1", state: "FAILED", attempt: 2, error: { reason: "R", message: "m", details: "" } },
        { taskId: "1", state: "FAILED", attempt: 2, display: "", error: { reason: "R", message: "m", details: "d" } },
      ];
      const failed = {
        ...job,
        status: "FAILED",
        startedAt: SOME_TIME + 1,
        endedAt: SOME_TIME + 2,
        openGroups: 1,
        counts: { ...NO_COUNTS, FAILED: 1 },
        progress: [{ label: "rows", total: 2, done: 1 }],
        error: { reason: "R", message: "m", details: "d" },
        failedTaskId: "1",
      } as const;
      await write({ insertJobs: [job], appendChanges: [{ jobId: job.id, job, tasks: [] }] });
      await write({ updateJobs: [failed], appendChanges: [{ jobId: job.id, job: failed, tasks }] });
      const [first, second, ...more] = await store().listChanges(job.id, null, 10);
      expect(first).toEqual({ jobId: job.id, job, tasks: [], position: present(first).position });
      expect(second).toEqual({ jobId: job.id, job: failed, tasks, position: present(second).position });
      expect(more).toEqual([]);
    });

    test("entries come in the order written, each with a position of its own", async () => {
      await inside(async (tx) => {
        await tx.write({ insertJobs: [job], appendChanges: [entry("a"), entry("b", "c")] });
        await tx.write({ appendChanges: [entry("d")] });
      });
      await write({ appendChanges: [entry("e")] });
      const entries = await store().listChanges(job.id, null, 100);
      expect(labelsOf(entries)).toEqual(["a", "b", "c", "d", "e"]);
      for (const [index, { position }] of entries.entries()) {
        expect(await store().listChanges(job.id, position, 100)).toEqual(entries.slice(index + 1));
      }
      expect(await store().listChanges(job.id, "nobody's position", 100)).toEqual([]);
    });

    test("a reader goes on where it was, without gap or repeat", async () => {
      await write({ insertJobs: [job] });
      const labels = times(9, (index) => `step ${index}`);
      const read: string[] = [];
      let after: string | null = null;
      for (const label of labels) {
        await write({ appendChanges: [entry(label)] });
        if (read.length % 2 === 1) continue;
        const entries = await store().listChanges(job.id, after, 2);
        read.push(...labelsOf(entries));
        after = present(entries.at(-1)).position;
      }
      while (read.length < labels.length) {
        const entries = await store().listChanges(job.id, after, 2);
        expect(entries.length).toBeGreaterThan(0);
        read.push(...labelsOf(entries));
        after = present(entries.at(-1)).position;
      }
      expect(read).toEqual(labels);
      expect(await store().listChanges(job.id, after, 2)).toEqual([]);
    });

    test("each job has its own", async () => {
      const other = aJob();
      await write({ insertJobs: [job, other] });
      await write({ appendChanges: [entry("a"), { jobId: other.id, job: other, tasks: [step("x")] }, entry("b")] });
      expect(labelsOf(await store().listChanges(job.id, null, 100))).toEqual(["a", "b"]);
      expect(labelsOf(await store().listChanges(other.id, null, 100))).toEqual(["x"]);
      expect(await store().listChanges("unknown", null, 100)).toEqual([]);
    });

    test("a step that is rolled back leaves no entry", async () => {
      await write({ insertJobs: [job], appendChanges: [entry("a")] });
      const failing = inside(async (tx) => {
        await tx.write({ appendChanges: [entry("lost")] });
        throw new Error("changed my mind");
      });
      await expect(failing).rejects.toThrow("changed my mind");
      await write({ appendChanges: [entry("b")] });
      expect(labelsOf(await store().listChanges(job.id, null, 100))).toEqual(["a", "b"]);
    });

    test("an entry of many steps comes back whole", async () => {
      const labels = times(5_000, (index) => `task ${index}`);
      await write({ insertJobs: [job], appendChanges: [entry(...labels)] });
      expect(labelsOf(await store().listChanges(job.id, null, 1))).toEqual(labels);
    });
  });
}
