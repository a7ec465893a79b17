import { expect } from "vitest";
import { jobState } from "../domain/job-state.ts";
import { type JobRecord, TASK_STATES, type TaskRecord } from "../domain/records.ts";
import type { TaskWithInput } from "../store/store.ts";
import { type ModelJob, type ModelTask, stateOf } from "./model-tree.ts";
import type { Simulation } from "./simulation.ts";

const EVERYTHING = { limit: 100_000, after: null };

/** Compares all that is stored with the model, once the engine has come to rest. */
export async function compareState(sim: Simulation): Promise<void> {
  const { reads } = sim.harness.engine;
  const all: TaskWithInput[] = [];
  for (const job of sim.model.jobs.values()) {
    const stored = await reads.job(job.id);
    if (stored === null) throw new Error(`job ${job.id} is not stored`);
    const { items } = await reads.listTasks({ jobId: job.id, states: [], includeInput: true }, EVERYTHING);
    all.push(...items);
    const labels = new Map(items.map((item) => [item.task.id, labelOf(item)]));
    const expected = new Map(sim.model.tasksOf(job).map((task) => [task.label, viewOfModel(sim, task)]));
    const found = new Map(items.map((item) => [labelOf(item), viewOfTask(sim, item.task, labels)]));
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
    expect(viewOfJob(stored)).toEqual(viewOfModelJob(sim, job));
    compareFailedTask(sim, job, stored.failedTaskId === null ? null : labels.get(stored.failedTaskId));
  }
  await compareQueues(
    sim,
    all.map((item) => item.task),
  );
  await compareClaim(sim);
}

function labelOf(item: TaskWithInput): string {
  return Buffer.from(item.input).toString();
}

function viewOfTask(sim: Simulation, task: TaskRecord, labels: ReadonlyMap<string, string>): object {
  return {
    parent: task.parentId === null ? null : labels.get(task.parentId),
    state: task.state,
    held: task.held,
    priority: task.priority,
    depth: task.depth,
    attempt: task.attempt,
    failures: task.failures,
    crashes: task.crashes,
    lease: task.leaseToken,
    settledToken: task.settledToken,
    session: task.sessionId,
    waitsUntil: task.availableAt > sim.now ? task.availableAt : 0,
    deadlineAt: task.deadlineAt,
    startedAt: task.startedAt,
    stoppedAt: task.stoppedAt,
    error: task.error?.reason ?? null,
    display: task.display,
    progress: task.progress,
  };
}

function viewOfModel(sim: Simulation, task: ModelTask): object {
  const state = stateOf(task);
  return {
    parent: task.parent?.label ?? null,
    state,
    held: state === "QUEUED" && (task.job.status === "FAILED" || task.job.status === "CANCELED"),
    priority: task.priority,
    depth: task.depth,
    attempt: task.attempt,
    failures: task.failures,
    crashes: task.crashes,
    lease: task.lease,
    settledToken: task.settledToken,
    session: task.session,
    waitsUntil: state === "QUEUED" && task.dueAt > sim.now ? task.dueAt : 0,
    deadlineAt: sim.model.deadlineOf(task),
    startedAt: task.startedAt,
    stoppedAt: task.stoppedAt,
    error: task.error,
    display: task.display,
    progress: task.progress,
  };
}

function viewOfJob(job: JobRecord): object {
  return {
    state: jobState(job),
    counts: Object.fromEntries(TASK_STATES.map((state) => [state, job.counts[state]])),
    progress: job.progress,
    startedAt: job.startedAt,
    endedAt: job.endedAt,
  };
}

function viewOfModelJob(sim: Simulation, job: ModelJob): object {
  const counts = sim.model.counts(job);
  return {
    state: sim.model.jobState(job),
    counts: Object.fromEntries(TASK_STATES.map((state) => [state, counts[state] ?? 0])),
    progress: sim.model.progress(job),
    startedAt: job.startedAt,
    endedAt: job.endedAt,
  };
}

/** The task that failed the job; any of those that failed at the same moment, when several runners were lost at once. */
function compareFailedTask(sim: Simulation, job: ModelJob, found: string | null | undefined): void {
  const { failedTask } = job;
  if (failedTask === null) {
    expect(found).toBeNull();
    return;
  }
  const atOnce = sim.model
    .tasksOf(job)
    .filter((task) => task.own === "failed" && task.stoppedAt === failedTask.stoppedAt);
  expect(atOnce.map((task) => task.label)).toContain(found);
}

/** A queue's numbers are those of its tasks. */
async function compareQueues(sim: Simulation, tasks: readonly TaskRecord[]): Promise<void> {
  for (const queue of await sim.harness.engine.reads.queues()) {
    const own = tasks.filter((task) => task.queueId === queue.id);
    const queued = own.filter((task) => task.state === "QUEUED" && !task.held).length;
    const running = own.filter((task) => task.state === "RUNNING").length;
    expect({ queue: queue.id, queued: queue.queued, running: queue.running }).toEqual({
      queue: queue.id,
      queued,
      running,
    });
  }
}

/** What the store would hand out next is what the model would; no background work and no part of an ended attempt is left. */
async function compareClaim(sim: Simulation): Promise<void> {
  const queueIds = (await sim.harness.engine.reads.queues()).map((queue) => queue.id);
  const { candidates, work, parts } = await sim.harness.store.transact(async (tx) => ({
    candidates: (await tx.claimCandidates({ queueIds, after: null, limit: 100_000 })).tasks,
    work: await tx.workItems(10),
    parts: await Promise.all(
      sim.allLeases.map(async (lease) => ({
        ...lease,
        count: (await tx.stagedParts(lease.taskId, lease.leaseToken)).length,
      })),
    ),
  }));
  const expected = sim.model.claimable().map((task) => task.label);
  const found = candidates.map(labelOf);
  expect(sim.isOrdered ? found : found.sort()).toEqual(sim.isOrdered ? expected : expected.sort());
  expect(work).toEqual([]);
  for (const { label, leaseToken, count } of parts) {
    if (sim.model.task(label).lease !== leaseToken)
      expect({ label, leftBehind: count }).toEqual({ label, leftBehind: 0 });
  }
}
