import type { JobState } from "taskgrove";
import type { Evidence, LogEntry, LogStep, StoredJob, StoredTask } from "./evidence.ts";
import type { DisturbanceRecord, RunnerRecord, SubmitterRecord } from "./history.ts";
import type { JobPlan } from "./plan.ts";
import { allSteps, type PlannedStep } from "./steps.ts";

/** All that is known of one job, put together for the rules. */
export interface JobCase {
  readonly job: StoredJob;
  readonly plan: JobPlan;
  /** By path. */
  readonly planned: ReadonlyMap<string, PlannedStep>;
  readonly tasks: ReadonlyMap<string, StoredTask>;
  readonly byPath: ReadonlyMap<string, StoredTask>;
  /** By the id of their parent; root tasks under the empty text. */
  readonly children: ReadonlyMap<string, readonly StoredTask[]>;
  /** What runners executed, by task. */
  readonly executions: ReadonlyMap<string, readonly Execution[]>;
  /** The change log, one step after the other. */
  readonly steps: readonly OrderedStep[];
  readonly stepsOf: ReadonlyMap<string, readonly OrderedStep[]>;
  /** In order of time. */
  readonly requests: readonly SubmitterRecord[];
  /** Of the whole round. */
  readonly disturbances: readonly DisturbanceRecord[];
  readonly leaseMs: number;
  readonly hasOneWriter: boolean;
}

/** One execution of a task by a runner. */
export interface Execution {
  readonly runner: string;
  readonly taskId: string;
  readonly attempt: number;
  readonly run: string;
  readonly startedAt: number;
  /** Undefined: the process was killed before. */
  readonly end: { readonly at: number; readonly result: "computed" | "failed" | "aborted" } | undefined;
}

/** A step of the log with its place in it. */
export interface OrderedStep extends LogStep {
  /** Goes up from step to step. */
  readonly place: number;
  /** The entry that it is in. */
  readonly entry: number;
  /** A runner was granted the task: an attempt that was not there before. */
  readonly isGrant: boolean;
}

/** One case for each stored job whose plan is known. */
export function openCases(evidence: Evidence): JobCase[] {
  const executions = groupBy(joinExecutions(evidence.runners), ({ jobId }) => jobId);
  const requests = groupBy(evidence.submitter, ({ key }) => key);
  return evidence.jobs.flatMap((job) => {
    const plan = evidence.plans.get(job.name);
    if (plan === undefined) return [];
    const { disturbances, leaseMs, hasOneWriter } = evidence;
    const own = openCase(job, plan, executions.get(job.id) ?? [], requests.get(job.name) ?? []);
    return [{ ...own, disturbances, leaseMs, hasOneWriter }];
  });
}

function openCase(
  job: StoredJob,
  plan: JobPlan,
  executions: readonly Execution[],
  requests: readonly SubmitterRecord[],
): Omit<JobCase, "disturbances" | "leaseMs" | "hasOneWriter"> {
  const steps = orderSteps(job);
  return {
    job,
    plan,
    planned: allSteps(plan),
    tasks: new Map(job.tasks.map((task) => [task.id, task])),
    byPath: new Map(job.tasks.map((task) => [task.path, task])),
    children: groupBy(job.tasks, ({ parentId }) => parentId ?? ""),
    executions: groupBy(executions, ({ taskId }) => taskId),
    steps,
    stepsOf: groupBy(steps, ({ taskId }) => taskId),
    requests,
  };
}

/** What somebody was told of a job by watches. */
export interface Telling {
  readonly who: string;
  readonly told: readonly LogEntry[];
}

/** What those were told who accompanied the job to some point, and went on behind it when all was over. */
export function resumedTellings({ live, resumed }: StoredJob): Telling[] {
  return resumed.map(({ behind, entries }) => {
    const who = `a watcher who was cut off behind response ${behind} and went on when all was over`;
    return { who, told: [...live.slice(0, behind), ...entries] };
  });
}

/** All tellings: the log was read by a watch as well. */
export function allTellings(job: StoredJob): Telling[] {
  return [{ who: "a watcher who came when all was over", told: job.log }, ...resumedTellings(job)];
}

/** The same job as if its log were this one. */
export function retold(jobCase: JobCase, log: readonly LogEntry[]): JobCase {
  const job = { ...jobCase.job, log };
  const steps = orderSteps(job);
  return { ...jobCase, job, steps, stepsOf: groupBy(steps, ({ taskId }) => taskId) };
}

function orderSteps(job: StoredJob): OrderedStep[] {
  const attempts = new Map<string, number>();
  let place = 0;
  return job.log.flatMap(({ tasks }, entry) =>
    tasks.map((step) => {
      const isGrant = step.state === "RUNNING" && step.attempt !== (attempts.get(step.taskId) ?? 0);
      attempts.set(step.taskId, step.attempt);
      return { ...step, place: place++, entry, isGrant };
    }),
  );
}

/** Puts starts and ends together. */
export function joinExecutions(records: readonly RunnerRecord[]): (Execution & { readonly jobId: string })[] {
  const ends = new Map<string, Execution["end"]>();
  for (const record of records) {
    if (record.kind === "end") ends.set(record.run, { at: record.at, result: record.result });
  }
  return records.flatMap((record) => {
    if (record.kind !== "start") return [];
    const { runner, jobId, taskId, attempt, run, at } = record;
    return [{ runner, jobId, taskId, attempt, run, startedAt: at, end: ends.get(run) }];
  });
}

/** The task and everything below it. */
export function subtree({ children }: JobCase, task: StoredTask): StoredTask[] {
  const found = [task];
  for (const one of found) found.push(...(children.get(one.id) ?? []));
  return found;
}

/** Whether nothing more will happen in a task of this state and below it, unless its job is retried. */
export function isDone({ state }: { readonly state: StoredTask["state"] }): boolean {
  return state === "COMPLETED" || state === "FAILED_OPTIONAL" || state === "SKIPPED";
}

/** Whether a job in this state goes on only when it is retried. */
export function isHalted(state: JobState | undefined): boolean {
  return state === "FAILED" || state === "CANCELED";
}

/** A task for people: its place in the plan and its id. */
export function nameOf({ path, id }: { readonly path: string; readonly id: string }): string {
  return `task ${path} (${id})`;
}

export function groupBy<Item, Key>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> {
  return Map.groupBy(items, keyOf);
}
