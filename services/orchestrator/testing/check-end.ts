import { expect } from "vitest";
import { groupId, isHalted, type TaskState } from "../domain/records.ts";
import type { ChangeEntry } from "../store/store.ts";
import type { Simulation } from "./simulation.ts";

/** What must be true when nothing is left to do. */
export async function checkEnd(sim: Simulation): Promise<void> {
  const { reads } = sim.harness.engine;
  for (const { id } of sim.model.jobs.values()) {
    const job = await reads.job(id);
    if (job === null) throw new Error(`job ${id} is not stored`);
    expect(job.status).not.toBe("OPEN");
    const { items } = await reads.listTasks(
      { jobId: id, states: [], includeInput: false },
      { limit: 100_000, after: null },
    );
    const tasks = items.map((item) => item.task);
    const groups = await reads.groups([...new Set(tasks.map((task) => task.groupId))]);
    if (!isHalted(job)) for (const group of groups) expect(group).toMatchObject({ open: 0, waiting: 0 });
    for (const group of groups) expect(group.size).toBe(tasks.filter((task) => task.groupId === group.id).length);
    checkLog(await wholeLog(sim, id), tasks);
    for (const group of groups) expect(group.id).toBe(groupId(group.parentId ?? id, group.index));
  }
}

async function wholeLog(sim: Simulation, jobId: string): Promise<ChangeEntry[]> {
  const log: ChangeEntry[] = [];
  for (;;) {
    const page = await sim.harness.engine.reads.listChanges(jobId, log.at(-1)?.position ?? null, 7);
    if (page.length === 0) return log;
    log.push(...page);
  }
}

/** Whoever replays the log of changes arrives at what is stored, by legal steps. */
function checkLog(
  log: readonly ChangeEntry[],
  tasks: readonly {
    readonly id: string;
    readonly state: TaskState;
    readonly attempt: number;
    readonly display: string;
  }[],
): void {
  const replayed = new Map<string, { state: TaskState; attempt: number; display: string }>();
  const positions = log.map((entry) => entry.position);
  expect(new Set(positions).size).toBe(positions.length);
  for (const entry of log) {
    for (const change of entry.tasks) {
      const before = replayed.get(change.taskId);
      expect(before === undefined, "created once, before anything else").toBe(change.created !== undefined);
      if (before !== undefined && before.state !== change.state) {
        expect(LEGAL[before.state], `${before.state} to ${change.state}`).toContain(change.state);
      }
      replayed.set(change.taskId, {
        state: change.state,
        attempt: change.attempt,
        display: change.display ?? before?.display ?? "",
      });
    }
    const counts: Partial<Record<TaskState, number>> = {};
    for (const { state } of replayed.values()) counts[state] = (counts[state] ?? 0) + 1;
    expect(entry.job.counts).toMatchObject(counts);
  }
  expect(Object.fromEntries(replayed)).toEqual(
    Object.fromEntries(tasks.map(({ id, state, attempt, display }) => [id, { state, attempt, display }])),
  );
}

const LEGAL: Readonly<Record<TaskState, readonly TaskState[]>> = {
  BLOCKED: ["QUEUED", "SKIPPED"],
  QUEUED: ["RUNNING", "SKIPPED", "COMPUTED", "COMPLETED", "FAILED", "FAILED_OPTIONAL"],
  RUNNING: ["QUEUED", "COMPUTED", "COMPLETED", "FAILED", "FAILED_OPTIONAL", "SKIPPED"],
  COMPUTED: ["COMPLETED"],
  COMPLETED: [],
  FAILED: ["QUEUED"],
  FAILED_OPTIONAL: [],
  SKIPPED: [],
};
