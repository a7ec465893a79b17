import type { JobState, Progress, TaskState } from "taskgrove";
import type { Complaint, Death, Evidence, LogEntry, LogStep, StoredSession, StoredTask } from "../evidence.ts";
import type { Act, DisturbanceRecord, RunnerRecord, SubmitterRecord } from "../history.ts";
import type { JobPlan, StepGroup } from "../plan.ts";
import { allSteps, type PlannedStep } from "../steps.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A root with a subtask and a join behind it, and another root that depends on all that. */
export const GROUPS: readonly StepGroup[] = [
  {
    dependsOn: [],
    steps: [
      {
        ms: 1,
        units: 3,
        label: "tiles",
        groups: [
          { dependsOn: [], steps: [{ ms: 1, failures: 1, maxRetries: 1 }] },
          { dependsOn: [0], steps: [{ ms: 1 }] },
        ],
      },
    ],
  },
  { dependsOn: [0], steps: [{ ms: 1 }] },
];

/**
 * For tests: the evidence of a round with one job, told step by step, so that it can be told wrongly. A task's id is its path in round
 * brackets. The books (counts, progress, the log) follow from what is told.
 */
export class HandMadeRound {
  readonly plan: JobPlan;
  readonly submitter: SubmitterRecord[] = [];
  readonly runners: RunnerRecord[] = [];
  readonly log: Mutable<LogEntry>[] = [];
  readonly sessions: StoredSession[] = [{ id: "session-1", runner: "runner-1.1", running: 0 }];
  aliveRunners = ["runner-1.1"];
  readonly deaths: Death[] = [];
  readonly complaints: Complaint[] = [];
  readonly disturbances: DisturbanceRecord[] = [];
  hasOneWriter = true;
  readonly tasks = new Map<string, Mutable<StoredTask>>();
  jobState: JobState = "SUBMITTED";
  failedTaskId: string | undefined;
  /** Instead of the sum. */
  jobProgress: readonly Progress[] | undefined;
  /** Instead of the log. */
  live: readonly LogEntry[] | undefined;
  /** What a watch told that went on behind `live`. */
  rest: readonly LogEntry[] = [];
  readonly #planned: ReadonlyMap<string, PlannedStep>;
  /** The last execution of a path, and of a path at a runner. */
  readonly #runs = new Map<string, string>();
  #clock = 0;
  #requests = 0;

  constructor(groups: readonly StepGroup[] = GROUPS) {
    const options = { shape: "single", priority: 0, byStream: false, cancelAfterMs: undefined, retries: 0 } as const;
    this.plan = { key: "job", groups, ...options };
    this.#planned = allSteps(this.plan);
  }

  task(path: string): Mutable<StoredTask> {
    const found = this.tasks.get(path);
    if (found === undefined) throw new Error(`there is no task ${path}`);
    return found;
  }

  /** Asked for and acknowledged. */
  request(act: Act): void {
    this.sent(act);
    this.answered(act, "acknowledged");
  }

  sent(act: Act): void {
    this.submitter.push({ at: ++this.#clock, key: "job", act, step: "sent", request: ++this.#requests, via: "o" });
  }

  /** The answer to the last request, or to one before. */
  answered(act: Act, step: "acknowledged" | "refused" | "lost", code = "OK", request = this.#requests): void {
    const base = { at: ++this.#clock, key: "job", act, step, request, via: "o" } as const;
    this.submitter.push(step === "acknowledged" ? { ...base, jobId: "(job)" } : { ...base, code });
  }

  /** The job is stored with its root tasks. */
  submit(): void {
    this.sent("submit");
    this.write(this.create("", ""));
    this.answered("submit", "acknowledged");
  }

  /** The job is canceled, and its caller told so. */
  cancel(): void {
    this.sent("cancel");
    this.write([], "CANCELED");
    this.answered("cancel", "acknowledged");
  }

  /** The job goes on, and its caller is told so. */
  retry(): void {
    this.sent("retry");
    this.write([], "STARTED");
    this.answered("retry", "acknowledged");
  }

  /** Makes tasks of the plan; gives their steps for the log. */
  create(parentPath: string, by: string): LogStep[] {
    const planned = [...this.#planned.values()].filter((step) => step.parentPath === parentPath);
    return planned.map(({ path, plan }) => {
      this.tasks.set(path, {
        ...{ id: `(${path})`, parentId: parentPath === "" ? undefined : `(${parentPath})`, path, by },
        ...{ state: "QUEUED", attempt: 0, failures: 0, maxRetries: plan.maxRetries ?? 0, display: "", progress: [] },
        sessionId: undefined,
      });
      return { taskId: `(${path})`, state: "QUEUED", attempt: 0, failure: undefined };
    });
  }

  /** A task comes to a state; gives the step for the log. */
  move(path: string, state: TaskState, change: Partial<StoredTask> & { readonly failure?: string } = {}): LogStep {
    const { failure, ...fields } = change;
    const task = Object.assign(this.task(path), { state, ...fields });
    return { taskId: task.id, state, attempt: task.attempt, failure };
  }

  /** One entry of the log. The job's state follows the tasks', unless it is told. */
  write(tasks: readonly LogStep[], jobState?: JobState): void {
    const counts = this.counts();
    const isHalted = this.jobState === "FAILED" || this.jobState === "CANCELED";
    const isDone = counts.queued + counts.running + counts.computed + counts.failed === 0;
    const hasBegun = [...this.tasks.values()].some(({ attempt }) => attempt > 0);
    const open = counts.running > 0 ? "RUNNING" : hasBegun ? "STARTED" : "SUBMITTED";
    this.jobState = jobState ?? (isHalted ? this.jobState : isDone ? "COMPLETED" : open);
    this.log.push({ tasks, job: { state: this.jobState, counts, failedTaskId: this.failedTaskId } });
  }

  grant(path: string): void {
    this.write([this.move(path, "RUNNING", { attempt: this.task(path).attempt + 1, sessionId: "session-1" })]);
  }

  start(path: string, runner = "runner-1.1", attempt = this.task(path).attempt): void {
    const run = `run ${this.runners.length}`;
    this.#runs.set(path, run);
    this.#runs.set(`${path} ${runner}`, run);
    const base = { at: ++this.#clock, kind: "start", runner, jobId: "(job)", taskId: `(${path})` } as const;
    this.runners.push({ ...base, attempt, path, run });
  }

  end(path: string, result: "computed" | "failed" | "aborted" = "computed", runner = "runner-1.1"): void {
    this.runners.push({
      at: ++this.#clock,
      kind: "end",
      runner,
      run: this.#runs.get(`${path} ${runner}`) ?? "",
      result,
    });
  }

  /** The outcome of the last execution is taken, with subtasks and progress as planned. */
  compute(path: string): void {
    const run = this.#runs.get(path) ?? "";
    const { units = 0, label = "", groups = [] } = this.#planned.get(path)?.plan ?? {};
    const progress = units > 0 ? [{ label, total: units, done: units }] : [];
    const state = groups.length > 0 ? "COMPUTED" : "COMPLETED";
    const step = this.move(path, state, { display: run, progress, sessionId: undefined });
    this.write([step, ...this.create(path, run)]);
  }

  /** Granted, executed and computed. */
  run(path: string): void {
    this.grant(path);
    this.start(path);
    this.end(path);
    this.compute(path);
  }

  /** Granted and executed, and fails; queued again. */
  fail(path: string): void {
    this.grant(path);
    this.start(path);
    this.end(path, "failed");
    const { failures } = this.task(path);
    this.write([this.move(path, "QUEUED", { failures: failures + 1, failure: "Error", sessionId: undefined })]);
  }

  /** All below it is done. */
  close(path: string): void {
    this.write([this.move(path, "COMPLETED")]);
  }

  /** The whole job, as it should go. */
  play(): this {
    this.submit();
    this.run("0.0");
    this.fail("0.0/0.0");
    this.run("0.0/0.0");
    this.run("0.0/1.0");
    this.close("0.0");
    this.run("1.0");
    return this;
  }

  counts() {
    const of = (state: TaskState) => [...this.tasks.values()].filter((task) => task.state === state).length;
    const [queued, running, computed, completed] = [of("QUEUED"), of("RUNNING"), of("COMPUTED"), of("COMPLETED")];
    const [failed, failedOptional, skipped] = [of("FAILED"), of("FAILED_OPTIONAL"), of("SKIPPED")];
    return { queued, running, computed, completed, failed, failedOptional, skipped };
  }

  evidence(): Evidence {
    const { submitter, runners, sessions, log } = this;
    const { aliveRunners, deaths, complaints, disturbances, hasOneWriter } = this;
    const tasks = [...this.tasks.values()];
    const progress = this.jobProgress ?? tasks.flatMap((task) => task.progress);
    const base = { id: "(job)", name: "job", state: this.jobState, failedTaskId: this.failedTaskId };
    const live = this.live ?? log;
    const resumed = [{ behind: live.length, entries: this.rest }];
    const job = { ...base, counts: this.counts(), progress, tasks, log, live, resumed };
    const plans = new Map([["job", this.plan]]);
    const rest = {
      aliveRunners,
      deaths,
      complaints,
      disturbances,
      leaseMs: 1_000,
      hasOneWriter,
      unreadable: undefined,
    };
    return { plans, submitter, runners, jobs: [job], sessions, ...rest };
  }
}
