import { expect, test } from "vitest";
import type { JobRecord, TaskRecord } from "../../domain/records.ts";
import { aGroup, aJob, anId, aSession, aTask, SOME_TIME } from "../../testing/records.ts";
import { byId, bytes, describeContract, idsOf, present, type StoreContract, times } from "./contract.ts";

/** The queries by which the engine finds tasks, sessions and jobs that need something. */
export function contractTaskQueries(contract: StoreContract): void {
  describeContract(contract, "queries of a transaction", ({ write, inside }) => {
    const insert = (jobs: readonly JobRecord[], tasks: readonly TaskRecord[]) =>
      write({ insertJobs: jobs, insertTasks: tasks.map((task) => ({ task, input: bytes(8) })) });

    test("running tasks of sessions, by id, in slices", async () => {
      const job = aJob();
      const tasks = times(9, (index) =>
        aTask({ jobId: job.id, state: "RUNNING", sessionId: ["a", "b", "c"][index % 3] ?? "" }),
      );
      const settled = aTask({ jobId: job.id, state: "COMPLETED", sessionId: "a" });
      await insert([job], [...tasks, settled]);
      const ofA = tasks.filter((task) => task.sessionId === "a");
      const ofBoth = tasks.filter((task) => task.sessionId !== "c");
      expect(await inside((tx) => tx.tasksOfSessions(["a"], null, 100))).toEqual(ofA);
      expect(await inside((tx) => tx.tasksOfSessions(["b", "a", "unknown"], null, 100))).toEqual(ofBoth);
      expect(await inside((tx) => tx.tasksOfSessions([], null, 100))).toEqual([]);

      const slices: TaskRecord[] = [];
      for (let after: string | null = null; ; after = present(slices.at(-1)).id) {
        const slice: TaskRecord[] = await inside((tx) => tx.tasksOfSessions(["a", "b"], after, 2));
        if (slice.length === 0) break;
        slices.push(...slice);
      }
      expect(slices).toEqual(ofBoth);

      await write({ updateTasks: ofA.map((task) => ({ ...task, state: "QUEUED", sessionId: null })) });
      expect(await inside((tx) => tx.tasksOfSessions(["a"], null, 100))).toEqual([]);
    });

    test("failed tasks of a job, by id, in slices, while they are queued again", async () => {
      const [job, other] = [aJob(), aJob()];
      const failed = times(5, () => aTask({ jobId: job.id, state: "FAILED" }));
      const rest = [
        aTask({ jobId: job.id, state: "FAILED_OPTIONAL" }),
        aTask({ jobId: job.id }),
        aTask({ jobId: other.id, state: "FAILED" }),
      ];
      await insert([job, other], [...failed, ...rest]);
      expect(await inside((tx) => tx.failedTasksOfJob(job.id, null, 100))).toEqual(failed);
      const first = await inside((tx) => tx.failedTasksOfJob(job.id, null, 2));
      expect(first).toEqual(failed.slice(0, 2));
      await write({ updateTasks: first.map((task) => ({ ...task, state: "QUEUED" })) });
      const behind = present(first.at(-1)).id;
      expect(await inside((tx) => tx.failedTasksOfJob(job.id, behind, 100))).toEqual(failed.slice(2));
      expect(await inside((tx) => tx.failedTasksOfJob("unknown", null, 100))).toEqual([]);
    });

    test("running tasks of a job", async () => {
      const [job, other] = [aJob(), aJob()];
      const running = times(3, () => aTask({ jobId: job.id, state: "RUNNING" }));
      await insert([job, other], [...running, aTask({ jobId: job.id }), aTask({ jobId: other.id, state: "RUNNING" })]);
      expect(byId(await inside((tx) => tx.runningTasksOfJob(job.id, 100)))).toEqual(running);
      expect((await inside((tx) => tx.runningTasksOfJob(job.id, 2))).length).toBe(2);
      expect(await inside((tx) => tx.runningTasksOfJob("unknown", 2))).toEqual([]);
    });

    test("blocked tasks of a group, in order of submission", async () => {
      const job = aJob();
      const parent = aTask({ jobId: job.id, state: "COMPUTED" });
      const of = (index: number, parentId: string | null, state: "BLOCKED" | "QUEUED" = "BLOCKED") =>
        aTask({ jobId: job.id, parentId, index, state });
      const wanted = times(5, () => of(1, parent.id));
      const rest = [of(1, parent.id, "QUEUED"), of(10, parent.id), of(1, null)];
      await insert([job], [parent, ...wanted, ...rest]);
      const groups = [
        aGroup({ jobId: job.id, parentId: parent.id, index: 1 }),
        aGroup({ jobId: job.id, parentId: parent.id, index: 10 }),
        aGroup({ jobId: job.id, index: 1 }),
      ];
      await write({ insertGroups: groups });
      const blocked = (groupId: string, limit: number) => inside((tx) => tx.blockedTasksOfGroup(groupId, limit));
      expect(await blocked(`${parent.id}.1`, 100)).toEqual(wanted);
      expect(await blocked(`${parent.id}.1`, 2)).toEqual(wanted.slice(0, 2));
      expect(await blocked(`${job.id}.1`, 100)).toEqual([rest[2]]);
      await write({ updateTasks: wanted.slice(0, 2).map((task) => ({ ...task, state: "QUEUED" })) });
      expect(await blocked(`${parent.id}.1`, 2)).toEqual(wanted.slice(2, 4));
      expect(await blocked("unknown.0", 2)).toEqual([]);
    });

    test("expired sessions, the longest expired first", async () => {
      const sessions = [30, 10, 20, 40].map((expiresAt) => aSession({ expiresAt }));
      const [third, first, second, last] = sessions;
      await write({ putSessions: sessions });
      expect(await inside((tx) => tx.expiredSessions(30, 100))).toEqual([first, second, third]);
      expect(await inside((tx) => tx.expiredSessions(30, 2))).toEqual([first, second]);
      expect(await inside((tx) => tx.expiredSessions(9, 100))).toEqual([]);
      await write({ extendSessions: [{ id: present(first).id, epoch: 1, expiresAt: 50 }] });
      expect(await inside((tx) => tx.expiredSessions(45, 100))).toEqual([second, third, last]);
    });

    test("overdue tasks: running, with a deadline that is over", async () => {
      const job = aJob();
      const running = (deadlineAt: number | null) => aTask({ jobId: job.id, state: "RUNNING", deadlineAt });
      const [early, exact, late, none] = [running(10), running(20), running(21), running(null)];
      const ended = aTask({ jobId: job.id, state: "COMPLETED", deadlineAt: 5 });
      await insert([job], [early, exact, late, none, ended]);
      expect(byId(await inside((tx) => tx.overdueTasks(20, 100)))).toEqual([early, exact]);
      expect((await inside((tx) => tx.overdueTasks(20, 1))).length).toBe(1);
      await write({ updateTasks: [{ ...early, state: "QUEUED", deadlineAt: null }] });
      expect(await inside((tx) => tx.overdueTasks(20, 100))).toEqual([exact]);
    });

    test("due tasks: queued, with a wait that is over, held or not", async () => {
      const job = aJob();
      const waiting = (availableAt: number, held = false) => aTask({ jobId: job.id, availableAt, held });
      const [early, exact, held, late, ready] = [waiting(10), waiting(20), waiting(15, true), waiting(21), waiting(0)];
      const running = aTask({ jobId: job.id, state: "RUNNING", availableAt: 5 });
      await insert([job], [early, exact, held, late, ready, running]);
      expect(byId(await inside((tx) => tx.dueTasks(20, 100)))).toEqual([early, exact, held]);
      expect((await inside((tx) => tx.dueTasks(20, 2))).length).toBe(2);
      await write({ updateTasks: [{ ...early, availableAt: 0 }] });
      expect(byId(await inside((tx) => tx.dueTasks(20, 100)))).toEqual([exact, held]);
    });

    test("the next times at which a task is due or overdue", async () => {
      const job = aJob();
      await insert([job], [aTask({ jobId: job.id }), aTask({ jobId: job.id, state: "RUNNING" })]);
      expect(await inside((tx) => tx.nextTimes())).toEqual({ dueAt: null, deadlineAt: null });
      const waiting = [30, 20].map((availableAt) => aTask({ jobId: job.id, availableAt }));
      const running = [50, 40].map((deadlineAt) => aTask({ jobId: job.id, state: "RUNNING", deadlineAt }));
      await insert([], [...waiting, ...running]);
      expect(await inside((tx) => tx.nextTimes())).toEqual({ dueAt: 20, deadlineAt: 40 });
      await write({ updateTasks: [{ ...present(waiting[1]), availableAt: 0 }] });
      await write({ updateTasks: [{ ...present(running[1]), state: "COMPLETED", deadlineAt: null }] });
      expect(await inside((tx) => tx.nextTimes())).toEqual({ dueAt: 30, deadlineAt: 50 });
    });

    test("jobs that ended, the oldest first", async () => {
      const ended = (endedAt: number) => aJob({ status: "COMPLETED", endedAt });
      const [second, first, late] = [ended(20), ended(10), ended(31)];
      const failed = aJob({ status: "FAILED", endedAt: 30 });
      await write({ insertJobs: [second, first, late, failed, aJob()] });
      expect(idsOf(await inside((tx) => tx.endedJobs(30, 100)))).toEqual(idsOf([first, second, failed]));
      expect(idsOf(await inside((tx) => tx.endedJobs(30, 1)))).toEqual([first.id]);
      await write({ updateJobs: [{ ...first, status: "OPEN", endedAt: null }] });
      expect(idsOf(await inside((tx) => tx.endedJobs(30, 100)))).toEqual(idsOf([second, failed]));
    });

    test.each([
      ["queued tasks", { state: "QUEUED" }],
      ["held tasks", { state: "QUEUED", held: true }],
      ["waiting tasks", { state: "QUEUED", availableAt: SOME_TIME }],
      ["running tasks", { state: "RUNNING" }],
      ["blocked tasks", { state: "BLOCKED" }],
    ] as const)("a cluster with %s is in use", async (_, fields) => {
      const [used, unused] = [anId("cluster"), anId("cluster")];
      const keys = [used, unused].map((cluster) => ({ cluster, name: "Task", major: 0, minor: 0 }));
      const [queue] = await inside((tx) => tx.internQueues(keys));
      const job = aJob();
      const task = aTask({ jobId: job.id, queueId: present(queue).id, ...fields });
      const queued = task.state === "QUEUED" && !task.held ? 1 : 0;
      const running = task.state === "RUNNING" ? 1 : 0;
      await insert([job], [task]);
      await write({ queueDeltas: [{ queueId: task.queueId, queued, running }] });
      expect(await inside((tx) => tx.clusterInUse(used))).toBe(true);
      expect(await inside((tx) => tx.clusterInUse(unused))).toBe(false);

      const done = { ...task, state: "COMPLETED", held: false, availableAt: 0 } as const;
      const queueDeltas = [{ queueId: task.queueId, queued: -queued, running: -running }];
      await write({ updateTasks: [done], queueDeltas });
      expect(await inside((tx) => tx.clusterInUse(used))).toBe(false);
    });

    test("a cluster with sessions is in use", async () => {
      const session = aSession({ cluster: "used" });
      await write({ putSessions: [session] });
      expect(await inside((tx) => tx.clusterInUse("used"))).toBe(true);
      expect(await inside((tx) => tx.clusterInUse("unused"))).toBe(false);
      await write({ deleteSessions: [session.id] });
      expect(await inside((tx) => tx.clusterInUse("used"))).toBe(false);
    });
  });
}
