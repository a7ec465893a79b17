import { expect, test, vi } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import type { GroupRecord, JobRecord } from "../../domain/records.ts";
import { chanceOf, seeds, timeoutOf } from "../../testing/mongodb/interleaving.ts";
import { openSeveralStores } from "../../testing/mongodb/several-stores.ts";
import { aGroup, aJob, aTask } from "../../testing/records.ts";
import type { ChangeEntry, Store, StoreTransaction } from "../store.ts";

const SEEDS = seeds(1);
vi.setConfig({ testTimeout: timeoutOf(SEEDS) });

const NO_BYTES = new Uint8Array();
const TASKS = 400;

describeWithMongo("stores that work on one job as fast as they can", (uri) => {
  test.each([
    { count: 2, divideFrom: 1 },
    { count: 3, divideFrom: 1 },
    { count: 3, divideFrom: undefined },
  ])("$count stores, divided from $divideFrom", async ({ count, divideFrom }) => {
    const options = divideFrom === undefined ? {} : { divideFrom };
    await using several = await openSeveralStores(uri, count, { beatMs: 100, ...options });
    for (const seed of SEEDS) await workOff(several.stores, seed);
  });

  /** Tasks are claimed and done in one step; the step that does the last one ends the job. */
  async function workOff(stores: readonly Store[], seed: number) {
    const [first, last] = [stores[0] as Store, stores.at(-1) as Store];
    const job = await insertJob(first);
    const watchers = [watch(first, job.id), watch(last, job.id)];
    const ends = await Promise.all(
      stores.map(async (store, index) => {
        const chance = chanceOf(seed * 10 + index);
        let ended = 0;
        for (let isAll = false; !isAll; ) {
          const step = await store.transact((tx) => doSome(tx, job.id, chance.between(1, 15)));
          if (step.isEnd) ended++;
          isAll = step.isAll;
        }
        return ended;
      }),
    );
    expect(ends.reduce((sum, ended) => sum + ended, 0)).toBe(1);
    const stored = await last.job(job.id);
    expect(stored).toMatchObject({ status: "COMPLETED", counts: { QUEUED: 0, COMPLETED: TASKS } });
    expect(await first.groups([`${job.id}.0`])).toMatchObject([{ open: 0 }]);
    const logs = await Promise.all(watchers);
    for (const log of [...logs, await first.listChanges(job.id, null, 1_000)]) expectLog(log, stored);
  }

  async function insertJob(store: Store): Promise<JobRecord> {
    const draft = aJob({ openGroups: 1 });
    const job = { ...draft, counts: { ...draft.counts, QUEUED: TASKS } };
    const tasks = Array.from({ length: TASKS }, () => ({ task: aTask({ jobId: job.id }), input: NO_BYTES }));
    const group = aGroup({ jobId: job.id, open: TASKS, size: TASKS });
    await store.transact((tx) => tx.write({ insertJobs: [job], insertTasks: tasks, insertGroups: [group] }));
    return job;
  }

  async function doSome(tx: StoreTransaction, jobId: string, limit: number) {
    const { tasks, isAll } = await tx.claimCandidates({ queueIds: [1], after: null, limit });
    if (tasks.length === 0) return { isEnd: false, isAll };
    const [job] = await tx.loadJobs([jobId]);
    const [group] = await tx.loadGroups([`${jobId}.0`]);
    const next = jobAfter(job as JobRecord, group as GroupRecord, tasks.length);
    await tx.write({
      updateTasks: tasks.map(({ task }) => ({ ...task, state: "COMPLETED" })),
      updateGroups: [{ ...(group as GroupRecord), open: (group?.open ?? 0) - tasks.length }],
      updateJobs: [next],
      appendChanges: [
        { jobId, job: next, tasks: tasks.map(({ task }) => ({ taskId: task.id, state: "COMPLETED", attempt: 1 })) },
      ],
    });
    return { isEnd: next.status === "COMPLETED", isAll };
  }

  function jobAfter(job: JobRecord, group: GroupRecord, done: number): JobRecord {
    const counts = { ...job.counts, QUEUED: job.counts.QUEUED - done, COMPLETED: job.counts.COMPLETED + done };
    if (group.open > done) return { ...job, counts };
    return { ...job, counts, status: "COMPLETED", endedAt: 1, openGroups: 0 };
  }

  /** Reads the log from another place of time to time, until the job has ended. */
  async function watch(store: Store, jobId: string): Promise<ChangeEntry[]> {
    const log: ChangeEntry[] = [];
    for (let steps = 0; log.at(-1)?.job.status !== "COMPLETED"; steps++) {
      expect(steps).toBeLessThan(10_000);
      log.push(...(await store.listChanges(jobId, log.at(-1)?.position ?? null, 3)));
    }
    expect(await store.listChanges(jobId, log.at(-1)?.position ?? null, 3)).toEqual([]);
    return log;
  }

  function expectLog(log: readonly ChangeEntry[], stored: JobRecord | null) {
    let done = 0;
    for (const { job, tasks } of log) {
      done += tasks.length;
      expect(job.counts).toMatchObject({ QUEUED: TASKS - done, COMPLETED: done });
      expect(job.status).toBe(done === TASKS ? "COMPLETED" : "OPEN");
    }
    const ids = log.flatMap(({ tasks }) => tasks.map(({ taskId }) => taskId));
    expect(new Set(ids).size).toBe(TASKS);
    expect(log.at(-1)?.job).toEqual(stored);
  }
});
