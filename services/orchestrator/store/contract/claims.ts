import { expect, test } from "vitest";
import type { JobRecord, TaskRecord } from "../../domain/records.ts";
import { aJob, aTask, SOME_TIME } from "../../testing/records.ts";
import { bytes, describeContract, present, type StoreContract, times } from "./contract.ts";

/** What may be claimed, and in which order. */
export function contractClaims(contract: StoreContract): void {
  describeContract(contract, "claim candidates", ({ write, inside }) => {
    const insert = (jobs: readonly JobRecord[], tasks: readonly TaskRecord[]) =>
      write({ insertJobs: jobs, insertTasks: tasks.map((task) => ({ task, input: bytes(8) })) });

    const claim = async (
      queueIds: readonly number[],
      limit = 1_000,
      after: { priority: number; jobId: string } | null = null,
    ) => {
      const { tasks, isAll } = await inside((tx) => tx.claimCandidates({ queueIds, after, limit }));
      expect(isAll).toBe(tasks.length < limit);
      return tasks.map(({ task }) => task);
    };

    /** All combinations of two jobs, three priorities, three depths and two queues, twice, shuffled. */
    async function insertMixture(): Promise<TaskRecord[]> {
      const jobs = [aJob(), aJob()];
      const shapes = jobs.flatMap((job) =>
        [-1, 0, 10].flatMap((priority) =>
          [0, 1, 12].flatMap((depth) => [1, 2].map((queueId) => ({ jobId: job.id, priority, depth, queueId }))),
        ),
      );
      const twice = [...shapes, ...shapes];
      const tasks = times(twice.length, (index) => aTask(present(twice[(index * 29) % twice.length])));
      await insert(jobs, tasks);
      return tasks;
    }

    test("come by priority, age of the job, depth and id, over several queues", async () => {
      const tasks = await insertMixture();
      const expected = tasks.toSorted(inClaimOrder);
      expect(await claim([1, 2])).toEqual(expected);
      expect(await claim([2, 1])).toEqual(expected);
      expect(await claim([1, 1, 3])).toEqual(expected.filter((task) => task.queueId === 1));
      expect(await claim([3])).toEqual([]);
      expect(await claim([])).toEqual([]);
    });

    test("are at most as many as asked for, the first ones", async () => {
      const expected = (await insertMixture()).toSorted(inClaimOrder);
      for (const limit of [1, 2, 7]) expect(await claim([1, 2], limit)).toEqual(expected.slice(0, limit));
    });

    test("go on behind a job and a priority", async () => {
      const expected = (await insertMixture()).toSorted(inClaimOrder);
      for (const { priority, jobId } of expected) {
        const last = expected.findLastIndex((task) => task.priority === priority && task.jobId === jobId);
        expect(await claim([1, 2], 1_000, { priority, jobId })).toEqual(expected.slice(last + 1));
      }
    });

    test("go on behind a job that has no task, or is gone", async () => {
      const [early, between, late] = [aJob(), aJob(), aJob()];
      const tasks = [aTask({ jobId: early.id }), aTask({ jobId: late.id })];
      await insert([early, late], tasks);
      expect(await claim([1], 10, { priority: 0, jobId: between.id })).toEqual([tasks[1]]);
      expect(await claim([1], 10, { priority: 1, jobId: between.id })).toEqual(tasks);
      expect(await claim([1], 10, { priority: -1, jobId: between.id })).toEqual([]);
    });

    test("bring their inputs", async () => {
      const job = aJob();
      const sizes = [0, 10, 2_000, 60_000];
      const items = sizes.map((size, index) => ({ task: aTask({ jobId: job.id }), input: bytes(size, index) }));
      await write({ insertJobs: [job], insertTasks: items });
      const { tasks } = await inside((tx) => tx.claimCandidates({ queueIds: [1], after: null, limit: 10 }));
      expect(tasks.map(({ input }) => new Uint8Array(input))).toEqual(items.map(({ input }) => input));
    });

    test("are queued, due and not held", async () => {
      const job = aJob();
      const states = ["BLOCKED", "RUNNING", "COMPUTED", "COMPLETED", "FAILED", "FAILED_OPTIONAL", "SKIPPED"] as const;
      const tasks = states.map((state) => aTask({ jobId: job.id, state }));
      tasks.push(aTask({ jobId: job.id, held: true }), aTask({ jobId: job.id, availableAt: SOME_TIME - 1 }));
      const claimable = aTask({ jobId: job.id });
      await insert([job], [...tasks, claimable]);
      expect(await claim([1])).toEqual([claimable]);
    });

    test("follow each change, within the same step too", async () => {
      const job = aJob();
      const task = aTask({ jobId: job.id });
      await insert([job], [task]);
      await inside(async (tx) => {
        const found = async () =>
          (await tx.claimCandidates({ queueIds: [1], after: null, limit: 10 })).tasks.map(
            (candidate) => candidate.task,
          );
        const running = { ...task, state: "RUNNING", sessionId: "s", leaseToken: "t" } as const;
        const child = aTask({ jobId: job.id, parentId: task.id });
        await tx.write({ updateTasks: [running] });
        expect(await found()).toEqual([]);
        await tx.write({ insertTasks: [{ task: child, input: bytes(1) }], updateTasks: [task] });
        expect(await found()).toEqual([child, task]);
        await tx.write({ updateTasks: [{ ...task, held: true }] });
        expect(await found()).toEqual([child]);
        await tx.write({ updateTasks: [{ ...task, availableAt: 5 }] });
        expect(await found()).toEqual([child]);
      });
      await write({ updateTasks: [task] });
      expect((await claim([1])).length).toBe(2);
    });
  });
}

function inClaimOrder(a: TaskRecord, b: TaskRecord): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.jobId !== b.jobId) return a.jobId < b.jobId ? -1 : 1;
  if (a.depth !== b.depth) return b.depth - a.depth;
  return a.id < b.id ? -1 : 1;
}
