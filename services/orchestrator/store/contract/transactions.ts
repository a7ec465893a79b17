import { expect, test } from "vitest";
import { aCluster, aGroup, aJob, anId, aSession, aTask, SOME_TIME } from "../../testing/records.ts";
import { StoreUnavailable, type Wakeup, type WriteSet } from "../store.ts";
import { bytes, describeContract, present, type StoreContract, times } from "./contract.ts";

/** All or nothing, one after another, and for good. */
export function contractTransactions(contract: StoreContract): void {
  describeContract(contract, "transactions", (context) => {
    const { store, write, inside, reopen } = context;

    /** One of everything that can be written. */
    function everything() {
      const job = aJob({ idempotencyKey: anId("key") });
      const task = aTask({ jobId: job.id });
      const group = aGroup({ jobId: job.id });
      const session = aSession();
      const cluster = aCluster();
      const value = { valueId: anId("value"), jobId: job.id, key: "key", size: 2, writtenAt: SOME_TIME };
      const work = { id: anId("work"), kind: "align", jobId: job.id, targetId: job.id, cursor: null } as const;
      const changes: WriteSet = {
        insertJobs: [job],
        insertGroups: [group],
        insertTasks: [{ task, input: bytes(2_000) }],
        putSessions: [session],
        putClusters: [cluster],
        appendChanges: [{ jobId: job.id, job, tasks: [{ taskId: task.id, state: "QUEUED", attempt: 0 }] }],
        putWork: [work],
        putParts: [{ taskId: task.id, leaseToken: "t", number: 1, summary: "s", payload: bytes(1) }],
        beginUploads: [{ valueId: value.valueId, jobId: job.id, startedAt: 1 }],
        putChunks: [{ valueId: value.valueId, index: 0, data: bytes(2) }],
        finishUploads: [value],
      };

      async function expectThere() {
        expect(await store().job(job.id)).toEqual(job);
        expect(await store().task(task.id)).toEqual(task);
        expect(await store().groups([group.id])).toEqual([group]);
        expect((await store().listChanges(job.id, null, 10)).length).toBe(1);
        expect(await store().clusters()).toEqual([cluster]);
        expect(await store().cacheValue(job.id, "key")).toEqual(value);
        expect(new Uint8Array(present(await store().cacheChunk(value.valueId, 0)))).toEqual(bytes(2));
        const page = await store().listSessions(null, { limit: 10, after: null });
        expect(page.items).toEqual([{ session, running: 0 }]);
        await inside(async (tx) => {
          const { tasks } = await tx.claimCandidates({ queueIds: [1], after: null, limit: 1 });
          const [candidate] = tasks;
          expect(present(candidate).task).toEqual(task);
          expect(new Uint8Array(present(candidate).input)).toEqual(bytes(2_000));
          expect(await tx.workItems(10)).toEqual([work]);
          expect((await tx.stagedParts(task.id, "t")).length).toBe(1);
        });
      }

      async function expectNotThere() {
        expect(await store().job(job.id)).toBeNull();
        expect(await store().task(task.id)).toBeNull();
        expect(await store().groups([group.id])).toEqual([]);
        expect(await store().listChanges(job.id, null, 10)).toEqual([]);
        expect(await store().clusters()).toEqual([]);
        expect(await store().cacheValue(job.id, "key")).toBeNull();
        expect(await store().cacheChunk(value.valueId, 0)).toBeNull();
        expect(await store().listSessions(null, { limit: 10, after: null })).toEqual({ items: [], next: null });
        await inside(async (tx) => {
          expect(await tx.loadJobs([job.id])).toEqual([]);
          expect(await tx.loadTasks([task.id])).toEqual([]);
          expect(await tx.loadGroups([group.id])).toEqual([]);
          expect(await tx.loadJobsByIdempotencyKey([present(job.idempotencyKey)])).toEqual([]);
          expect((await tx.claimCandidates({ queueIds: [1], after: null, limit: 1 })).tasks).toEqual([]);
          expect(await tx.workItems(10)).toEqual([]);
          expect(await tx.stagedParts(task.id, "t")).toEqual([]);
          expect(await tx.abandonedUploads(100, 10)).toEqual([]);
        });
      }

      return { changes, expectThere, expectNotThere };
    }

    test("a body's result is returned and what it wrote is there", async () => {
      const { changes, expectThere } = everything();
      const result = await inside(async (tx) => {
        await tx.write(changes);
        return "result";
      });
      expect(result).toBe("result");
      await expectThere();
    });

    test("a body that throws leaves nothing, and may be run again", async () => {
      const { changes, expectThere, expectNotThere } = everything();
      const failing = inside(async (tx) => {
        await tx.write(changes);
        throw new Error("changed my mind");
      });
      await expect(failing).rejects.toThrow("changed my mind");
      await expectNotThere();
      await write(changes);
      await expectThere();
    });

    test("a body that throws leaves what was there as it was", async () => {
      const job = aJob();
      const task = aTask({ jobId: job.id });
      const group = aGroup({ jobId: job.id });
      const session = aSession();
      const key = { cluster: "c", name: "n", major: 1, minor: 2 };
      const [queue] = await inside((tx) => tx.internQueues([key]));
      await write({ insertJobs: [job], insertTasks: [{ task, input: bytes(1) }], insertGroups: [group] });
      await write({ putSessions: [session] });
      const failing = inside(async (tx) => {
        await tx.write({
          updateJobs: [{ ...job, status: "CANCELED", endedAt: 1 }],
          updateTasks: [{ ...task, state: "RUNNING", leaseToken: "t", sessionId: session.id }],
          updateGroups: [{ ...group, open: 0 }],
          deleteSessions: [session.id],
          queueDeltas: [{ queueId: present(queue).id, queued: 1, running: 1 }],
        });
        await tx.internQueues([{ ...key, minor: 3 }]);
        throw new Error("changed my mind");
      });
      await expect(failing).rejects.toThrow("changed my mind");
      await inside(async (tx) => {
        expect(await tx.loadJobs([job.id])).toEqual([job]);
        expect(await tx.loadTasks([task.id])).toEqual([task]);
        expect(await tx.loadGroups([group.id])).toEqual([group]);
        expect(await tx.loadSessions([session.id])).toEqual([session]);
      });
      expect(await store().queues()).toEqual([queue]);
      const [again, other] = await inside((tx) => tx.internQueues([key, { ...key, minor: 3 }]));
      expect(again).toEqual(queue);
      expect(await store().queues()).toEqual([queue, other]);
    });

    test("a body sees its own writes; readers see them when it has ended", async () => {
      const job = aJob();
      const changed = { ...job, openGroups: 5 };
      await write({ insertJobs: [job] });
      await inside(async (tx) => {
        await tx.write({ updateJobs: [changed] });
        expect(await tx.loadJobs([job.id])).toEqual([changed]);
        // Against the rules for bodies, but here the point is what somebody else sees meanwhile.
        expect(await store().job(job.id)).toEqual(job);
      });
      expect(await store().job(job.id)).toEqual(changed);
    });

    test("bodies that run at the same time take effect one after another", async () => {
      const job = aJob();
      await write({ insertJobs: [job] });
      const increment = () =>
        inside(async (tx) => {
          const now = present((await tx.loadJobs([job.id]))[0]);
          await tx.loadTasks(["unknown"]);
          await tx.write({ updateJobs: [{ ...now, openGroups: now.openGroups + 1 }] });
          return now.openGroups + 1;
        });
      const results = await Promise.all(times(20, increment));
      expect(results.toSorted((a, b) => a - b)).toEqual(times(20, (index) => index + 1));
      expect(present(await store().job(job.id)).openGroups).toBe(20);
    });

    test("a body that throws does not disturb the ones around it", async () => {
      const jobs = times(3, () => aJob());
      const outcomes = await Promise.allSettled(
        jobs.map((job, index) =>
          inside(async (tx) => {
            await tx.write({ insertJobs: [job] });
            if (index === 1) throw new Error("the middle one");
          }),
        ),
      );
      expect(outcomes.map((outcome) => outcome.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      const found = await Promise.all(jobs.map((job) => store().job(job.id)));
      expect(found).toEqual([jobs[0], null, jobs[2]]);
    });

    test("what was written is there after the store was closed and opened again", async () => {
      const { changes, expectThere } = everything();
      await write(changes);
      await reopen();
      await expectThere();
    });

    test("ids and orders go on after the store was opened again", async () => {
      const job = aJob();
      const [first, second] = [aTask({ jobId: job.id }), aTask({ jobId: job.id })];
      const entry = { jobId: job.id, job, tasks: [] };
      await write({ insertJobs: [job], insertTasks: [{ task: first, input: bytes(1) }], appendChanges: [entry] });
      await reopen();
      const later = aJob();
      const child = aTask({ jobId: job.id, parentId: first.id });
      await write({ insertTasks: [{ task: second, input: bytes(1) }], appendChanges: [entry] });
      await write({ insertJobs: [later], insertTasks: [{ task: child, input: bytes(1) }] });
      const scan = await inside((tx) => tx.scanJob(job.id, null, 10));
      expect(scan.tasks).toEqual([first, second, child]);
      const [one, two] = await store().listChanges(job.id, null, 10);
      expect(await store().listChanges(job.id, present(one).position, 10)).toEqual([two]);
    });

    test("a closed store refuses, and may be closed again", async () => {
      await store().close();
      await expect(inside(async () => {})).rejects.toBeInstanceOf(StoreUnavailable);
      await expect(store().job("job")).rejects.toBeInstanceOf(StoreUnavailable);
      await store().close();
      await reopen();
    });

    if (contract.sharing === "exclusive") {
      test("a second store on the same database is refused while the first is open", async () => {
        await expect(context.openSecond()).rejects.toBeInstanceOf(StoreUnavailable);
        await reopen();
        expect(await store().job("unknown")).toBeNull();
      });
    } else {
      test("stores on the same database see and wake each other", async () => {
        const second = await context.openSecond();
        const standing = Promise.withResolvers<void>();
        const woken = Promise.withResolvers<Wakeup>();
        second.onWakeup((wakeup) => {
          standing.resolve();
          if (wakeup !== null) woken.resolve(wakeup);
        });
        // "Anything may have happened" is always allowed, and is how a feed begins; from there on it can say what has happened.
        await standing.promise;
        const job = aJob();
        const wakeup = { queueIds: [1], jobIds: [job.id], overJobIds: [], canceledJobIds: [] };
        await write({ insertJobs: [job], insertTasks: [{ task: aTask({ jobId: job.id }), input: bytes(1) }], wakeup });
        expect(await second.job(job.id)).toEqual(job);
        expect(await woken.promise).toEqual(wakeup);
      });
    }
  });
}
