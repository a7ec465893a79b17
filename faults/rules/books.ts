import type { Progress, TaskCounts, TaskState } from "taskgrove";
import type { LogEntry } from "../evidence.ts";
import { type JobCase, nameOf, resumedTellings } from "../job-case.ts";
import type { Violation } from "../violation.ts";

const COUNTED: Readonly<Record<TaskState, keyof TaskCounts>> = {
  QUEUED: "queued",
  RUNNING: "running",
  COMPUTED: "computed",
  COMPLETED: "completed",
  FAILED: "failed",
  FAILED_OPTIONAL: "failedOptional",
  SKIPPED: "skipped",
};

/** A job's counts are those of its tasks, at its end, in each entry of its log, and in what watchers were told. */
export function countsAddUp({ job, plan }: JobCase): Violation[] {
  const violation = (message: string) => ({ rule: "counts-add-up", message, jobId: job.id, key: plan.key }) as const;
  const stored = differenceOfCounts(job.counts, job.tasks);
  if (stored !== "") return [violation(`${plan.key} counts its tasks wrongly: ${stored}`)];
  const wrong = wrongEntry(job.log);
  if (wrong !== undefined) return [violation(`of the log of ${plan.key}, ${wrong}`)];
  return resumedTellings(job).flatMap(({ who, told }) => {
    const wrong = wrongEntry(told);
    return wrong === undefined ? [] : [violation(`of what ${who} of ${plan.key} was told, ${wrong}`)];
  });
}

/** The first entry whose counts are not those of the steps until then. */
function wrongEntry(entries: readonly LogEntry[]): string | undefined {
  const states = new Map<string, { readonly state: TaskState }>();
  for (const [index, { tasks, job: shown }] of entries.entries()) {
    for (const step of tasks) states.set(step.taskId, step);
    const difference = shown === undefined ? "" : differenceOfCounts(shown.counts, states.values());
    if (difference !== "") return `entry ${index} counts wrongly: ${difference}`;
  }
  return undefined;
}

/** A job's progress is the sum of its tasks', and a task that was computed has reported what its plan says. */
export function progressAddsUp({ job, plan, planned }: JobCase): Violation[] {
  const base = { rule: "progress-adds-up", jobId: job.id, key: plan.key } as const;
  const [sums, own] = [sumOf(job.tasks.flatMap(({ progress }) => progress)), sumOf(job.progress)];
  const wrongTasks = job.tasks.flatMap((task) => {
    if (task.state !== "COMPUTED" && task.state !== "COMPLETED") return [];
    const { units = 0, label = "" } = planned.get(task.path)?.plan ?? {};
    const [expected, found] = [sumOf([{ label, total: units, done: units }]), sumOf(task.progress)];
    if (expected === found) return [];
    const message = `${nameOf(task)} of ${plan.key} has progress ${found}; its plan is ${expected}`;
    return [{ ...base, message, taskIds: [task.id] }];
  });
  if (sums === own) return wrongTasks;
  return [{ ...base, message: `${plan.key} has progress ${own}; the sum of its tasks is ${sums}` }, ...wrongTasks];
}

const STEPS: Readonly<Record<TaskState, readonly TaskState[]>> = {
  QUEUED: ["QUEUED", "RUNNING", "SKIPPED", "COMPUTED", "COMPLETED", "FAILED", "FAILED_OPTIONAL"],
  RUNNING: ["RUNNING", "QUEUED", "COMPUTED", "COMPLETED", "FAILED", "FAILED_OPTIONAL", "SKIPPED"],
  COMPUTED: ["COMPUTED", "COMPLETED"],
  COMPLETED: [],
  FAILED: ["QUEUED"],
  FAILED_OPTIONAL: [],
  SKIPPED: [],
};

/** Whoever replays the log takes only steps that there are, and arrives at what is stored. */
export function logIsTrue({ job, plan, steps }: JobCase): Violation[] {
  const base = { rule: "log-is-true", jobId: job.id, key: plan.key } as const;
  const states = new Map<string, TaskState>();
  for (const { taskId, state } of steps) {
    const before = states.get(taskId);
    if (before !== undefined && !STEPS[before].includes(state)) {
      return [
        { ...base, message: `the log of ${plan.key} has ${taskId} go from ${before} to ${state}`, taskIds: [taskId] },
      ];
    }
    states.set(taskId, state);
  }
  const wrong = job.tasks.filter(({ id, state }) => states.get(id) !== state);
  const unknown = [...states.keys()].filter((id) => !job.tasks.some((task) => task.id === id));
  if (wrong.length === 0 && unknown.length === 0) return [];
  const told = [
    ...wrong.map((task) => `${nameOf(task)} is ${task.state}, not ${states.get(task.id)}`),
    ...unknown.map((id) => `${id} is not stored`),
  ];
  const message = `the log of ${plan.key} does not lead to what is stored: ${told.slice(0, 3).join("; ")}`;
  return [{ ...base, message, taskIds: [...wrong.map(({ id }) => id), ...unknown] }];
}

function differenceOfCounts(counts: TaskCounts, tasks: Iterable<{ readonly state: TaskState }>): string {
  const found = { queued: 0, running: 0, computed: 0, completed: 0, failed: 0, failedOptional: 0, skipped: 0 };
  for (const { state } of tasks) found[COUNTED[state]]++;
  const names = Object.keys(found) as (keyof TaskCounts)[];
  const wrong = names.filter((name) => found[name] !== counts[name]);
  return wrong.map((name) => `${counts[name]} ${name} instead of ${found[name]}`).join(", ");
}

/** Sums by label as text, without labels of nothing. */
function sumOf(bars: readonly Progress[]): string {
  const sums = new Map<string, { total: number; done: number }>();
  for (const { label, total, done } of bars) {
    const sum = sums.get(label) ?? { total: 0, done: 0 };
    sums.set(label, { total: sum.total + total, done: sum.done + done });
  }
  const told = [...sums]
    .filter(([, { total, done }]) => total !== 0 || done !== 0)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return told.map(([label, { total, done }]) => `${label} ${done}/${total}`).join(", ") || "none";
}
