import { expect, test } from "vitest";
import { aGroup, aJob, anId, aTask, SOME_TIME } from "../../testing/records.ts";
import type { WriteSet } from "../store.ts";
import { bytes, describeContract, present, type StoreContract, times } from "./contract.ts";

/** Deleting a job with everything that belongs to it. */
export function contractDeletion(contract: StoreContract): void {
  describeContract(contract, "deletion of a job", ({ store, write, inside }) => {
    /** A job with some of everything that can belong to one. */
    function aJobWithEverything() {
      const job = aJob({ status: "COMPLETED", idempotencyKey: anId("key") });
      const roots = times(5, () => aTask({ jobId: job.id }));
      const parent = present(roots[0]);
      const children = times(5, (index) => aTask({ jobId: job.id, parentId: parent.id, index, state: "COMPLETED" }));
      const tasks = [...roots, ...children];
      const groups = [
        aGroup({ jobId: job.id }),
        ...times(5, (index) => aGroup({ jobId: job.id, parentId: parent.id, index })),
      ];
      const values = ["a", "b/c"].map((key) => ({
        valueId: anId("value"),
        jobId: job.id,
        key,
        size: 9,
        writtenAt: SOME_TIME,
      }));
      const upload = { valueId: anId("upload"), jobId: job.id, startedAt: 1 };
      const valueIds = [...values.map((value) => value.valueId), upload.valueId];
      const changes: WriteSet = {
        insertJobs: [job],
        insertGroups: groups,
        insertTasks: tasks.map((task, index) => ({ task, input: bytes(index % 2 === 0 ? 10 : 3_000) })),
        putParts: times(4, (number) => ({
          taskId: parent.id,
          leaseToken: "token",
          number,
          summary: "",
          payload: bytes(9),
        })),
        appendChanges: times(6, () => ({ jobId: job.id, job, tasks: [] })),
        putWork: [{ id: `align:${job.id}`, kind: "align", jobId: job.id, targetId: job.id, cursor: null }],
        beginUploads: [upload],
        putChunks: valueIds.flatMap((valueId) => times(3, (index) => ({ valueId, index, data: bytes(3) }))),
        finishUploads: values,
      };
      return { job, tasks, groups, parent, values, valueIds, changes };
    }

    type Everything = ReturnType<typeof aJobWithEverything>;

    async function deleteInSlices(jobId: string, limit: number): Promise<number> {
      for (let slices = 1; slices < 200; slices++) {
        if (await inside((tx) => tx.deleteJobSlice(jobId, limit))) return slices;
        // What is left can be read.
        const filter = { jobId, states: [], includeInput: true };
        await store().listTasks(filter, { limit: 100, after: null });
        await store().listChanges(jobId, null, 100);
        expect(await store().job(jobId)).not.toBeNull();
      }
      throw new Error("the job is not gone after 200 slices");
    }

    async function expectGone({ job, tasks, groups, parent, values, valueIds }: Everything) {
      expect(await store().job(job.id)).toBeNull();
      expect(await store().tasks(tasks.map((task) => task.id))).toEqual([]);
      expect(await store().groups(groups.map((group) => group.id))).toEqual([]);
      expect(await store().listChanges(job.id, null, 100)).toEqual([]);
      for (const { key } of values) expect(await store().cacheValue(job.id, key)).toBeNull();
      for (const valueId of valueIds) expect(await store().cacheChunk(valueId, 2)).toBeNull();
      await inside(async (tx) => {
        expect(await tx.stagedParts(parent.id, "token")).toEqual([]);
        expect((await tx.workItems(100)).filter((item) => item.jobId === job.id)).toEqual([]);
        expect(await tx.abandonedUploads(100, 100)).not.toContain(valueIds.at(-1));
        expect(await tx.loadTasks(tasks.map((task) => task.id))).toEqual([]);
        expect(await tx.loadGroups(groups.map((group) => group.id))).toEqual([]);
        expect(await tx.loadJobs([job.id])).toEqual([]);
        expect(await tx.loadJobsByIdempotencyKey([present(job.idempotencyKey)])).toEqual([]);
        expect(await tx.scanJob(job.id, null, 100)).toEqual({ tasks: [], next: null });
      });
    }

    test.each([2, 7, 1_000])("in slices of %i rows: leaves nothing behind and touches no other job", async (limit) => {
      const [before, doomed, after] = [aJobWithEverything(), aJobWithEverything(), aJobWithEverything()];
      await write(before.changes);
      await write(doomed.changes);
      await write(after.changes);
      const slices = await deleteInSlices(doomed.job.id, limit);
      if (limit < 10) expect(slices).toBeGreaterThan(3);
      await expectGone(doomed);
      for (const kept of [before, after]) {
        expect(await store().job(kept.job.id)).toEqual(kept.job);
        expect((await store().tasks(kept.tasks.map((task) => task.id))).length).toBe(10);
        expect((await store().groups(kept.groups.map((group) => group.id))).length).toBe(6);
        expect((await store().listChanges(kept.job.id, null, 100)).length).toBe(6);
        for (const value of kept.values) expect(await store().cacheValue(kept.job.id, value.key)).toEqual(value);
        for (const valueId of kept.valueIds) expect(await store().cacheChunk(valueId, 2)).not.toBeNull();
        expect((await inside((tx) => tx.stagedParts(kept.parent.id, "token"))).length).toBe(4);
      }
    });

    test("takes what is no longer wanted out of the claim", async () => {
      const doomed = aJobWithEverything();
      await write(doomed.changes);
      await deleteInSlices(doomed.job.id, 5);
      expect((await inside((tx) => tx.claimCandidates({ queueIds: [1], after: null, limit: 10 }))).tasks).toEqual([]);
    });

    test("of an unknown job is done at once", async () => {
      expect(await inside((tx) => tx.deleteJobSlice("unknown", 10))).toBe(true);
    });

    test("goes away with a step that fails", async () => {
      const kept = aJobWithEverything();
      await write(kept.changes);
      const failing = inside(async (tx) => {
        expect(await tx.deleteJobSlice(kept.job.id, 1_000)).toBe(true);
        throw new Error("changed my mind");
      });
      await expect(failing).rejects.toThrow("changed my mind");
      expect(await inside((tx) => tx.loadJobs([kept.job.id]))).toEqual([kept.job]);
      expect((await inside((tx) => tx.loadTasks(kept.tasks.map((task) => task.id)))).length).toBe(10);
    });
  });
}
