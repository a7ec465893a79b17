import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Identifier,
  NonRetryableError,
  type SubtaskOptions,
  Task,
  type TaskContext,
  type TaskHandle,
} from "taskgrove";
import { type HistoryFile, monotonicMs, type RunnerRecord } from "./history.ts";
import { STALL_TIMEOUT_MS, type StepGroup, type StepPlan } from "./plan.ts";
import { pathOf, type StepInput } from "./steps.ts";

/** Where a runner process writes down what it does. */
export interface Diary {
  readonly runner: string;
  readonly file: HistoryFile<RunnerRecord>;
}

let diary: Diary | undefined;

/** To be called before the first task is executed. */
export function keepDiary(kept: Diary): void {
  diary = kept;
}

/**
 * Does what its plan says. It writes down its start before anything else, and its end before the runner can report it. The name of the
 * execution becomes the task's display, and goes into the inputs of what it submits: so the store tells which execution it took.
 */
export class Step extends Task<StepInput> {
  static readonly identifier: Identifier = ["faults/Step", "v1.0"];

  override async execute(context: TaskContext): Promise<void> {
    if (diary === undefined) throw new Error("there is no diary");
    const { runner, file } = diary;
    const { plan, path } = this.input;
    const run = randomUUID();
    const { id: taskId, attempt } = context.currentTask;
    file.append({ at: monotonicMs(), kind: "start", runner, jobId: context.job.id, taskId, attempt, path, run });
    context.currentTask.display = run;
    let result: "computed" | "failed" | "aborted" = "aborted";
    try {
      await work(plan, context);
      result = "failed";
      await failIfPlanned(plan, context);
      submitGroups(plan.groups ?? [], { path, by: run }, context.submitSubtask);
      result = "computed";
    } finally {
      file.append({ at: monotonicMs(), kind: "end", runner, run, result });
    }
  }
}

/** The same, as a later version of the code that may execute what was submitted for an earlier one. */
export class LaterStep extends Step {
  static override readonly identifier: Identifier = ["faults/Step", "v1.2"];
}

/** How a step is to be submitted. */
function optionsOf(plan: StepPlan): SubtaskOptions {
  const { maxRetries = 0, backoffMs, optional = false, priority, failsBy } = plan;
  return {
    retry: {
      maxRetries,
      ...(backoffMs === undefined ? {} : { initialBackoffMs: backoffMs, maxBackoffMs: 2 * backoffMs }),
    },
    optional,
    ...(priority === undefined ? {} : { priority }),
    ...(failsBy === "stall" ? { attemptTimeoutMs: STALL_TIMEOUT_MS } : {}),
  };
}

async function work(plan: StepPlan, context: TaskContext): Promise<void> {
  const { ms, units = 0, label = "", stubborn = false } = plan;
  const signal = stubborn ? undefined : context.signal;
  const bar = context.progress(label);
  if (units > 0) bar.add(units);
  const first = Math.floor(units / 2);
  if (ms > 0) await sleep(ms / 2, undefined, { signal });
  if (units > 0) bar.done(first);
  if (ms > 0) await sleep(ms / 2, undefined, { signal });
  if (units > 0) bar.done(units - first);
}

async function failIfPlanned({ failures = 0, failsBy }: StepPlan, context: TaskContext): Promise<void> {
  const { attempt } = context.currentTask;
  if (attempt > failures) return;
  const problem = `attempt ${attempt} of ${failures} that fail`;
  if (failsBy === "fatal") throw new NonRetryableError(problem);
  if (failsBy === "stall") await sleep(2 * STALL_TIMEOUT_MS, undefined, { signal: context.signal });
  throw new Error(problem);
}

/**
 * Submits the tasks of these groups one by one, each behind those that it depends on. `path` and `by` are empty for the root tasks of a
 * job.
 */
export function submitGroups(
  groups: readonly StepGroup[],
  { path, by }: { readonly path: string; readonly by: string },
  submit: (task: Step, options: SubtaskOptions) => TaskHandle,
): void {
  const handles: TaskHandle[][] = [];
  for (const [number, { dependsOn, steps }] of groups.entries()) {
    const before = dependsOn.flatMap((index) => handles[index] ?? []);
    handles.push(
      steps.map((plan, index) => {
        const step = new Step({ plan, path: pathOf(path, number, index), by });
        return submit(step, { ...optionsOf(plan), ...(before.length > 0 ? { dependsOn: before } : {}) });
      }),
    );
  }
}
