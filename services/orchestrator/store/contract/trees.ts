import { expect, test } from "vitest";
import type { TaskRecord } from "../../domain/records.ts";
import { aJob, aTask } from "../../testing/records.ts";
import type { Scan } from "../store.ts";
import { allPages, bytes, describeContract, idsOf, present, type StoreContract, times } from "./contract.ts";

/** Walks over a job's tree: scans of the engine and lists for users. */
export function contractTrees(contract: StoreContract): void {
  describeContract(contract, "trees of tasks", ({ store, write, inside }) => {
    /** Twelve groups of two root tasks; the first two root tasks have children, one of those has children. Two other jobs around it. */
    async function insertTree() {
      const [before, job, after] = [aJob(), aJob(), aJob()];
      const roots = times(24, (index) => aTask({ jobId: job.id, index: Math.floor(index / 2) }));
      const [first, second] = [present(roots[0]), present(roots[1])];
      const ofSecond = times(3, () => aTask({ jobId: job.id, parentId: second.id, depth: 1 }));
      const ofFirst = times(12, (index) => aTask({ jobId: job.id, parentId: first.id, index, depth: 1 }));
      const inner = present(ofFirst[10]);
      const ofInner = times(4, (index) => aTask({ jobId: job.id, parentId: inner.id, index: 3 - index, depth: 2 }));
      const tasks = [...roots, ...ofSecond, ...ofFirst, ...ofInner];
      const others = [before, after].map((other) => aTask({ jobId: other.id }));
      const items = [...tasks, ...others].map((task) => ({ task, input: bytes(4) }));
      await write({ insertJobs: [before, job, after], insertTasks: items });
      return { job, tasks, roots, first, ofFirst, inner, ofInner };
    }

    const scanAll = (slice: (cursor: string | null) => Promise<Scan>) => allPages(slice, (scan) => scan.tasks);

    const listAll = (
      filter: { jobId: string; parentId?: string | null; states?: TaskRecord["state"][]; includeInput?: boolean },
      limit: number,
    ) =>
      allPages(
        (after) => store().listTasks({ states: [], includeInput: false, ...filter }, { limit, after }),
        (page) => page.items,
      );

    function expectTreeOrder(found: readonly TaskRecord[], expected: readonly TaskRecord[]): void {
      expect(idsOf(found).toSorted()).toEqual(idsOf(expected).toSorted());
      const seen = new Set<string>();
      for (const task of found) {
        if (task.parentId !== null) expect(seen).toContain(task.parentId);
        seen.add(task.id);
      }
      for (const parentId of new Set(expected.map((task) => task.parentId))) {
        const children = expected.filter((task) => task.parentId === parentId).toSorted(byGroupAndId);
        expect(found.filter((task) => task.parentId === parentId)).toEqual(children);
      }
    }

    test.each([1, 3, 1_000])(
      "a scan of a job, %i at a time: parents first, then by group and submission",
      async (limit) => {
        const { job, tasks } = await insertTree();
        expectTreeOrder(await scanAll((cursor) => inside((tx) => tx.scanJob(job.id, cursor, limit))), tasks);
      },
    );

    test.each([1, 5, 1_000])("a scan of children, %i at a time: by group and submission", async (limit) => {
      const { job, roots, first, ofFirst, inner, ofInner } = await insertTree();
      const children = (parentId: string | null) =>
        scanAll((cursor) => inside((tx) => tx.scanChildren(job.id, parentId, cursor, limit)));
      expect(await children(null)).toEqual(roots);
      expect(await children(first.id)).toEqual(ofFirst);
      expect(await children(inner.id)).toEqual(ofInner.toReversed());
      expect(await children(present(ofInner[0]).id)).toEqual([]);
      expect(await children("unknown")).toEqual([]);
    });

    test("a scan meets each task once while tasks change and come", async () => {
      const { job, tasks, inner } = await insertTree();
      const found: TaskRecord[] = [];
      for (let cursor: string | null = null; ; ) {
        const scan: Scan = await inside((tx) => tx.scanJob(job.id, cursor, 4));
        found.push(...scan.tasks);
        const child = aTask({ jobId: job.id, parentId: inner.id, index: 3 });
        const updateTasks = scan.tasks.map((task) => ({ ...task, state: "SKIPPED" }) as const);
        await write({ updateTasks, insertTasks: [{ task: child, input: bytes(1) }] });
        if (scan.next === null || found.length > 200) break;
        cursor = scan.next;
      }
      const ids = idsOf(found);
      expect(new Set(ids).size).toBe(ids.length);
      expect(new Set(ids).isSupersetOf(new Set(idsOf(tasks)))).toBe(true);
    });

    test("a scan of an unknown job is empty", async () => {
      expect(await inside((tx) => tx.scanJob("unknown", null, 10))).toEqual({ tasks: [], next: null });
    });

    test.each([1, 4, 1_000])("a list of a job's tasks, %i a page", async (limit) => {
      const { job, tasks } = await insertTree();
      const items = await listAll({ jobId: job.id }, limit);
      expectTreeOrder(
        items.map(({ task }) => task),
        tasks,
      );
      for (const { input } of items) expect(input.length).toBe(0);
    });

    test("a list of the children of one task, with inputs", async () => {
      const { job, roots, first, ofFirst } = await insertTree();
      const items = await listAll({ jobId: job.id, parentId: first.id, includeInput: true }, 5);
      expect(items.map(({ task }) => task)).toEqual(ofFirst);
      for (const { input } of items) expect(new Uint8Array(input)).toEqual(bytes(4));
      expect((await listAll({ jobId: job.id, parentId: null }, 5)).map(({ task }) => task)).toEqual(roots);
      expect(await listAll({ jobId: job.id, parentId: "unknown" }, 5)).toEqual([]);
    });

    test("a list of tasks in some states", async () => {
      const { job, tasks } = await insertTree();
      const failed = tasks.filter((_, index) => index % 7 === 3).map((task) => ({ ...task, state: "FAILED" }) as const);
      const running = tasks
        .filter((_, index) => index % 7 === 5)
        .map((task) => ({ ...task, state: "RUNNING" }) as const);
      await write({ updateTasks: [...failed, ...running] });
      const some = (states: TaskRecord["state"][]) => listAll({ jobId: job.id, states }, 2);
      expect(idsOf((await some(["FAILED"])).map(({ task }) => task)).toSorted()).toEqual(idsOf(failed).toSorted());
      expect((await some(["FAILED", "RUNNING"])).length).toBe(failed.length + running.length);
      expect(await some(["SKIPPED"])).toEqual([]);
    });

    test("a list of an unknown job, or behind a cursor of somebody else's, is empty", async () => {
      const { job } = await insertTree();
      const filter = { states: [], includeInput: false };
      const nothing = { items: [], next: null };
      expect(await store().listTasks({ ...filter, jobId: "unknown" }, { limit: 5, after: null })).toEqual(nothing);
      expect(await store().listTasks({ ...filter, jobId: job.id }, { limit: 5, after: "?" })).toEqual(nothing);
    });
  });
}

function byGroupAndId(a: TaskRecord, b: TaskRecord): number {
  const index = (task: TaskRecord) => Number(task.groupId.slice(task.groupId.lastIndexOf(".") + 1));
  return index(a) - index(b) || (a.id < b.id ? -1 : 1);
}
