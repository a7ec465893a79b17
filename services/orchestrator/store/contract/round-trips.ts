import { expect, test } from "vitest";
import { TASK_STATES } from "../../domain/records.ts";
import { aCluster, aGroup, aJob, anId, aSession, aTask, SOME_TIME } from "../../testing/records.ts";
import { byId, bytes, describeContract, idsOf, present, type StoreContract, times } from "./contract.ts";

/** What is written is what is loaded, field by field. */
export function contractRoundTrips(contract: StoreContract): void {
  describeContract(contract, "records come back as they were written", ({ store, write, inside }) => {
    const fullJob = aJob({
      name: "Ünïcode, 'quotes' and \"more\"",
      status: "FAILED",
      priority: -7,
      traceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      clusters: ["a", "b"],
      idempotencyKey: "key/1",
      bodyDigest: "digest",
      submittedAt: SOME_TIME + 1,
      startedAt: SOME_TIME + 2,
      endedAt: SOME_TIME + 3,
      openGroups: 4,
      counts: {
        BLOCKED: 1,
        QUEUED: 2,
        RUNNING: 3,
        COMPUTED: 4,
        COMPLETED: 5,
        FAILED: 6,
        FAILED_OPTIONAL: 7,
        SKIPPED: 8,
      },
      progress: [
        { label: "", total: 10, done: 3 },
        { label: "tiles", total: 0, done: 0 },
      ],
      error: { reason: "R", message: "line\nline", details: "\u0001 {}" },
      failedTaskId: "task-1",
    });

    test.each([
      ["with nothing that may be missing", aJob()],
      ["with everything", fullJob],
    ])("a job %s", async (_, job) => {
      await write({ insertJobs: [job] });
      expect(await store().job(job.id)).toEqual(job);
      expect(await inside((tx) => tx.loadJobs([job.id]))).toEqual([job]);
    });

    test("a job that changed", async () => {
      const job = aJob({ traceParent: "trace", clusters: ["x"], idempotencyKey: "k" });
      const { status, startedAt, endedAt, openGroups, counts, progress, error, failedTaskId } = fullJob;
      const changed = { ...job, status, startedAt, endedAt, openGroups, counts, progress, error, failedTaskId };
      await write({ insertJobs: [job] });
      await write({ updateJobs: [changed] });
      expect(await store().job(job.id)).toEqual(changed);
      await write({ updateJobs: [job] });
      expect(await store().job(job.id)).toEqual(job);
    });

    test("jobs by idempotency key, as they are now", async () => {
      const [first, second, other] = [aJob({ idempotencyKey: "1" }), aJob({ idempotencyKey: "2" }), aJob()];
      await write({ insertJobs: [first, second, other] });
      const started = { ...second, startedAt: SOME_TIME };
      await write({ updateJobs: [started] });
      const found = await inside((tx) => tx.loadJobsByIdempotencyKey(["2", "1", "unknown"]));
      expect(byId(found)).toEqual([first, started]);
    });

    test("an idempotency key is given once", async () => {
      await write({ insertJobs: [aJob({ idempotencyKey: "once" })] });
      await expect(write({ insertJobs: [aJob({ idempotencyKey: "once" })] })).rejects.toThrow();
    });

    test("groups of a job and of a task", async () => {
      const job = aJob();
      const parent = aTask({ jobId: job.id });
      const ofJob = aGroup({ jobId: job.id, index: 12, dependents: [0, 3], waiting: 2, open: 5, size: 9 });
      const ofTask = aGroup({ jobId: job.id, parentId: parent.id });
      await write({
        insertJobs: [job],
        insertTasks: [{ task: parent, input: bytes(1) }],
        insertGroups: [ofJob, ofTask],
      });
      const loaded = await inside((tx) => tx.loadGroups([ofTask.id, "unknown.0", ofJob.id]));
      expect(byId(loaded)).toEqual(byId([ofJob, ofTask]));

      const changed = { ...ofJob, waiting: 0, open: 0 };
      await write({ updateGroups: [changed] });
      expect(byId(await store().groups([ofJob.id, ofTask.id, "unknown.0"]))).toEqual(byId([changed, ofTask]));
    });

    test("a task with nothing that may be missing, and one with everything", async () => {
      const job = aJob();
      const plain = aTask({ jobId: job.id });
      const full = aTask({
        jobId: job.id,
        index: 11,
        parentId: plain.id,
        queueId: 42,
        priority: -3,
        depth: 65_536,
        optional: true,
        scopeId: plain.id,
        retry: { maxRetries: 3, initialBackoffMs: 100, multiplier: 1.5, maxBackoffMs: 1_000, jitter: 0.25 },
        attemptTimeoutMs: 5_000,
        createdAt: SOME_TIME + 1,
        display: "ünïcode",
        state: "RUNNING",
        held: true,
        availableAt: SOME_TIME + 2,
        attempt: 4,
        failures: 2,
        crashes: 1,
        leaseToken: "lease",
        settledToken: "settled",
        sessionId: "session",
        deadlineAt: SOME_TIME + 3,
        openGroups: 2,
        branchFailed: true,
        startedAt: SOME_TIME + 4,
        stoppedAt: SOME_TIME + 5,
        error: { reason: "R", message: "m", details: "d" },
        progress: [{ label: "rows", total: 7, done: 1 }],
      });
      const items = [plain, full].map((task) => ({ task, input: bytes(3) }));
      await write({ insertJobs: [job], insertTasks: items });
      expect(byId(await inside((tx) => tx.loadTasks([full.id, "unknown", plain.id])))).toEqual([plain, full]);
      expect(await store().task(full.id)).toEqual(full);
      expect(byId(await store().tasks([full.id, plain.id, "unknown"]))).toEqual([plain, full]);

      // Everything that may change, changed, and changed back.
      const { id, jobId, groupId, parentId, queueId, priority, depth, optional, scopeId, retry } = plain;
      const { attemptTimeoutMs, createdAt } = plain;
      const kept = { id, jobId, groupId, parentId, queueId, priority, depth, optional, scopeId, retry };
      const changed = { ...full, ...kept, attemptTimeoutMs, createdAt };
      await write({ updateTasks: [changed] });
      expect(await store().task(plain.id)).toEqual(changed);
      expect(await inside((tx) => tx.loadTasks([plain.id]))).toEqual([changed]);
      await write({ updateTasks: [plain] });
      expect(await store().task(plain.id)).toEqual(plain);
      expect(await inside((tx) => tx.loadTasks([plain.id]))).toEqual([plain]);
    });

    test.each(TASK_STATES)("a task in state %s", async (state) => {
      const job = aJob();
      const task = aTask({ jobId: job.id, state });
      await write({ insertJobs: [job], insertTasks: [{ task, input: bytes(1) }] });
      expect(await store().task(task.id)).toEqual(task);
    });

    test.each([0, 1, 1_024, 1_025, 65_536])("an input of %i bytes, also after its task changed", async (size) => {
      const job = aJob();
      const task = aTask({ jobId: job.id });
      await write({ insertJobs: [job], insertTasks: [{ task, input: bytes(size) }] });
      await write({ updateTasks: [{ ...task, display: "changed" }] });
      const request = { queueIds: [1], after: null, limit: 1 };
      const { tasks } = await inside((tx) => tx.claimCandidates(request));
      const [claimed] = tasks;
      expect(new Uint8Array(present(claimed).input)).toEqual(bytes(size));
      const inputs = await inside((tx) => tx.loadInputs([task.id, "unknown"]));
      expect([...inputs].map(([id, input]) => [id, new Uint8Array(input)])).toEqual([[task.id, bytes(size)]]);
      const filter = { jobId: job.id, states: [], includeInput: true };
      const [listed] = (await store().listTasks(filter, { limit: 1, after: null })).items;
      expect(new Uint8Array(present(listed).input)).toEqual(bytes(size));
    });

    test("tasks may be written before their job, in the same step", async () => {
      const job = aJob();
      const task = aTask({ jobId: job.id });
      const group = aGroup({ jobId: job.id });
      await inside(async (tx) => {
        await tx.write({ insertGroups: [group], insertTasks: [{ task, input: bytes(1) }] });
        expect(await tx.loadTasks([task.id])).toEqual([task]);
        expect(idsOf((await tx.scanJob(job.id, null, 10)).tasks)).toEqual([task.id]);
        await tx.write({ insertJobs: [job] });
      });
      expect(await store().task(task.id)).toEqual(task);
      expect(await store().job(job.id)).toEqual(job);
      expect(await store().groups([group.id])).toEqual([group]);
    });

    test.each(["job", "task", "group"] as const)("an id that exists is not inserted again: %s", async (kind) => {
      const job = aJob();
      const task = aTask({ jobId: job.id });
      const group = aGroup({ jobId: job.id });
      await write({ insertJobs: [job], insertTasks: [{ task, input: bytes(1) }], insertGroups: [group] });
      const again = {
        job: { insertJobs: [{ ...job, name: "other" }] },
        task: { insertTasks: [{ task: { ...task, display: "other" }, input: bytes(1) }] },
        group: { insertGroups: [{ ...group, open: 99 }] },
      };
      await expect(write(again[kind])).rejects.toThrow();
      expect(await store().job(job.id)).toEqual(job);
      expect(await store().task(task.id)).toEqual(task);
      expect(await store().groups([group.id])).toEqual([group]);
    });

    test("sessions are put, replaced, extended under their epoch and deleted", async () => {
      const session = aSession({
        identifiers: [
          { name: "a", major: 0, minor: 0 },
          { name: "b", major: 2, minor: 11 },
        ],
      });
      const none = aSession({ identifiers: [] });
      const load = () => inside((tx) => tx.loadSessions([none.id, session.id, "unknown"]));
      await write({ putSessions: [session, none] });
      expect(byId(await load())).toEqual([session, none]);

      const taken = { ...session, runnerName: "other", epoch: 2, expiresAt: SOME_TIME + 5 };
      await write({ putSessions: [taken] });
      const extension = { id: session.id, expiresAt: SOME_TIME + 99 };
      await write({ extendSessions: [{ ...extension, epoch: 1 }] });
      expect(byId(await load())).toEqual([taken, none]);
      await write({
        extendSessions: [
          { ...extension, epoch: 2 },
          { id: "unknown", epoch: 1, expiresAt: 1 },
        ],
      });
      expect(byId(await load())).toEqual([{ ...taken, expiresAt: SOME_TIME + 99 }, none]);

      await write({ deleteSessions: [session.id, "unknown"] });
      expect(await load()).toEqual([none]);
    });

    test("clusters are put, replaced and deleted", async () => {
      const [first, second] = [aCluster({ description: "text" }), aCluster()];
      await write({ putClusters: [first, second] });
      const renamed = { ...second, displayName: "renamed" };
      await write({ putClusters: [renamed] });
      const loaded = await inside((tx) => tx.loadClusters([second.slug, "unknown", first.slug]));
      expect(loaded.toSorted((a, b) => (a.slug < b.slug ? -1 : 1))).toEqual([first, renamed]);
      await write({ deleteClusters: [first.slug, "unknown"] });
      expect(await store().clusters()).toEqual([renamed]);
    });

    test("queues are interned once and in the order asked, and count what is added", async () => {
      const cluster = anId("cluster");
      const keys = times(3, (minor) => ({ cluster, name: "Task", major: 1, minor }));
      const [b, a] = await inside((tx) => tx.internQueues([present(keys[1]), present(keys[0])]));
      const again = await inside((tx) => tx.internQueues([...keys, present(keys[2])]));
      expect(again.slice(0, 2)).toEqual([a, b]);
      expect(again[3]).toEqual(again[2]);
      expect(new Set(again.map((queue) => queue.id)).size).toBe(3);
      expect(present(again[2])).toEqual({ ...keys[2], id: present(again[2]).id, queued: 0, running: 0 });

      const queueId = present(a).id;
      await write({ queueDeltas: [{ queueId, queued: 5, running: 1 }] });
      await write({ queueDeltas: [{ queueId, queued: -2, running: 3 }] });
      const queue = (await store().queues()).find(({ id }) => id === queueId);
      expect(queue).toEqual({ ...a, queued: 3, running: 4 });
      expect(await inside((tx) => tx.internQueues([present(keys[0])]))).toEqual([queue]);
    });

    test("queues are loaded by id, as the transaction sees them, in any order", async () => {
      const cluster = anId("cluster");
      const keys = times(3, (minor) => ({ cluster, name: "Task", major: 1, minor }));
      const [a, b] = await inside((tx) => tx.internQueues(keys));
      const [first, second] = [present(a), present(b)];
      await write({ queueDeltas: [{ queueId: second.id, queued: 2, running: 1 }] });
      const load = (ids: readonly number[]) => inside((tx) => tx.loadQueues(ids));
      const unknown = Math.max(...(await store().queues()).map(({ id }) => id)) + 1_000;
      const loaded = await load([second.id, unknown, first.id]);
      expect(loaded.toSorted((one, other) => one.minor - other.minor)).toEqual([
        first,
        { ...second, queued: 2, running: 1 },
      ]);
      expect(await load([])).toEqual([]);
      await inside(async (tx) => {
        const [made] = await tx.internQueues([{ cluster, name: "Task", major: 2, minor: 0 }]);
        expect(await tx.loadQueues([present(made).id])).toEqual([made]);
      });
    });

    test("what does not exist is left out", async () => {
      expect(await store().job("unknown")).toBeNull();
      expect(await store().task("unknown")).toBeNull();
      expect(await store().tasks(["unknown"])).toEqual([]);
      expect(await store().groups(["unknown.0"])).toEqual([]);
      expect(await inside((tx) => tx.loadJobs(["unknown"]))).toEqual([]);
      expect(await inside((tx) => tx.loadTasks([]))).toEqual([]);
      expect(await store().clusters()).toEqual([]);
      expect(await store().queues()).toEqual([]);
    });

    test("the store knows its size", async () => {
      await write({ insertJobs: [aJob()] });
      expect((await store().storeStats()).sizeBytes).toBeGreaterThan(0);
    });
  });
}
