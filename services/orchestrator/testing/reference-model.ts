import type { Progress, TaskState } from "../domain/records.ts";
import type { TaskSet } from "../domain/submission.ts";
import type { LeaseRef, Outcome, ProgressReport, SubtaskPart } from "../engine/api.ts";
import {
  isBelowFailedBranch,
  isClosed,
  jobStateOf,
  type ModelGroup,
  type ModelJob,
  type ModelSession,
  type ModelTask,
  newModelTask,
  stateOf,
} from "./model-tree.ts";
import { joinSets, refusesPart, refusesWhole } from "./model-validation.ts";

/**
 * What design.md section 3 says, in the plainest way that there is: a tree of objects, states worked out by recursion whenever they are asked for,
 * one thing at a time. It shares no rule with the engine. Tasks are known by the text of their input, which must be unique.
 */

export interface ModelOptions {
  readonly clusters: readonly string[];
  readonly maxCrashes: number;
  /** What the engine's `random` always gives. */
  readonly random: number;
}

/** An attempt that ran too long, with what it held. */
export interface TimedOut {
  readonly task: ModelTask;
  readonly lease: string | null;
  readonly session: string | null;
}

export type Answer = "accepted" | "stale" | "refused";

export class ReferenceModel {
  readonly jobs = new Map<string, ModelJob>();
  readonly tasks = new Map<string, ModelTask>();
  readonly sessions = new Map<string, ModelSession>();
  now = 0;
  readonly #options: ModelOptions;
  readonly #staged = new Map<string, Map<number, TaskSet>>();

  constructor(options: ModelOptions) {
    this.#options = options;
  }

  /** Whether the engine must refuse the tasks of this job. */
  refusesJob(set: TaskSet): boolean {
    return refusesWhole(set, this.#options.clusters);
  }

  submit(jobId: string, priority: number, set: TaskSet): void {
    const job: ModelJob = {
      id: jobId,
      order: this.jobs.size,
      priority,
      status: "OPEN",
      roots: [],
      startedAt: null,
      endedAt: null,
      failedTask: null,
    };
    this.jobs.set(jobId, job);
    job.roots.push(...this.#createGroups(job, null, set));
  }

  open(session: ModelSession): void {
    this.sessions.set(session.id, session);
  }

  /** A runner is back with these leases. Returns those that it has lost. */
  resume(id: string, resumed: boolean, leases: readonly (LeaseRef & { readonly label: string })[]): string[] {
    const listed = new Set(leases.map((lease) => lease.leaseToken));
    const lost: string[] = [];
    for (const { label, leaseToken } of leases) {
      const task = this.task(label);
      if (this.#mayReport(task, leaseToken)) {
        task.own = "running";
        task.session = id;
        task.stoppedAt = null;
      } else if (task.settledToken !== leaseToken) {
        lost.push(leaseToken);
      }
    }
    if (!resumed) return lost;
    for (const task of this.tasks.values()) {
      if (task.own === "running" && task.session === id && !listed.has(task.lease ?? "")) this.#putBack(task);
    }
    return lost;
  }

  /** The runner ended its session on purpose. */
  end(id: string): void {
    for (const task of this.tasks.values()) {
      if (task.own !== "running" || task.session !== id) continue;
      task.settledToken = task.lease;
      this.#putBack(task);
    }
    this.sessions.delete(id);
  }

  /** Nothing was heard of the runner for too long: a crash of all that it held, whose late results still count. */
  expire(id: string): void {
    for (const task of this.tasks.values()) {
      if (task.own !== "running" || task.session !== id) continue;
      task.crashes++;
      task.session = null;
      task.stoppedAt = this.now;
      if (task.crashes < this.#options.maxCrashes) {
        task.own = "waiting";
      } else {
        task.lease = null;
        task.error = "RUNNER_LOST";
        this.#failForGood(task);
      }
    }
    this.sessions.delete(id);
  }

  grant(label: string, token: string, sessionId: string): void {
    const task = this.task(label);
    task.own = "running";
    task.attempt++;
    task.lease = token;
    task.session = sessionId;
    task.startedAt = this.now;
    task.stoppedAt = null;
    task.progress = [];
    task.job.startedAt ??= this.now;
  }

  outcome(label: string, outcome: Outcome): Answer {
    const task = this.task(label);
    const { leaseToken, result } = outcome;
    if (!this.#mayReport(task, leaseToken)) return task.settledToken === leaseToken ? "accepted" : "stale";
    if (result.kind === "computed") {
      const set = joinSets(this.#staged.get(leaseToken) ?? new Map(), result.subtasks, result.parts);
      if (set === null) return "refused";
      if (set.groups.length > 0 && refusesWhole(set, this.#options.clusters)) return "refused";
      this.#endAttempt(task, outcome);
      task.own = "computed";
      task.error = null;
      task.groups.push(...this.#createGroups(task.job, task, set));
    } else {
      this.#endAttempt(task, outcome);
      if (result.kind === "released") task.own = "waiting";
      else this.#fail(task, result.error.reason, result.nonRetryable);
    }
    return "accepted";
  }

  part(label: string, part: SubtaskPart): Answer {
    const task = this.task(label);
    if (!this.#mayReport(task, part.leaseToken)) return task.settledToken === part.leaseToken ? "accepted" : "stale";
    if (refusesPart(part.subtasks, this.#options.clusters)) return "refused";
    const staged = this.#staged.get(part.leaseToken) ?? new Map<number, TaskSet>();
    this.#staged.set(part.leaseToken, staged);
    if (!staged.has(part.number)) staged.set(part.number, part.subtasks);
    return "accepted";
  }

  hasParts(leaseToken: string): boolean {
    return this.#staged.has(leaseToken);
  }

  /** Returns whether the lease was superseded. */
  report(label: string, report: ProgressReport): boolean {
    const task = this.task(label);
    if (!this.#mayReport(task, report.leaseToken)) return task.settledToken !== report.leaseToken;
    task.progress = report.progress;
    if (report.display !== "") task.display = report.display;
    return false;
  }

  /** Returns whether it was accepted. */
  cancel(jobId: string): boolean {
    this.#completeJobs();
    const job = this.job(jobId);
    if (job.status === "COMPLETED") return false;
    if (job.status !== "CANCELED") job.endedAt ??= this.now;
    job.status = "CANCELED";
    return true;
  }

  /** Returns how many failed tasks were queued again; null when it was refused. */
  retry(jobId: string): number | null {
    const job = this.job(jobId);
    if (job.status !== "FAILED" && job.status !== "CANCELED") return null;
    job.status = "OPEN";
    job.endedAt = null;
    job.failedTask = null;
    this.#completeJobs();
    let requeued = 0;
    for (const task of this.tasks.values()) {
      if (task.job !== job || task.own !== "failed") continue;
      task.own = "waiting";
      task.dueAt = 0;
      task.failures = 0;
      task.crashes = 0;
      requeued++;
    }
    return requeued;
  }

  /** Whether an attempt that has run too long is under way in the session. */
  holdsOverdue(sessionId: string): boolean {
    const running = [...this.tasks.values()].filter((task) => task.own === "running" && task.session === sessionId);
    return running.some((task) => (this.deadlineOf(task) ?? Number.POSITIVE_INFINITY) <= this.now);
  }

  /** Attempts that have run too long are failed, the longest overdue first. */
  timeOut(): TimedOut[] {
    const timedOut: TimedOut[] = [];
    const deadlineOf = (task: ModelTask) => this.deadlineOf(task) ?? Number.POSITIVE_INFINITY;
    const overdue = [...this.tasks.values()].filter((task) => deadlineOf(task) <= this.now);
    for (const task of overdue.sort((a, b) => deadlineOf(a) - deadlineOf(b) || a.order - b.order)) {
      const { lease, session } = task;
      task.lease = null;
      task.session = null;
      task.stoppedAt = this.now;
      this.#fail(task, "ATTEMPT_TIMEOUT", false);
      timedOut.push({ task, lease, session });
    }
    return timedOut;
  }

  /** What follows of itself from all the rest: branches that failed are skipped, jobs whose last task is done are completed. */
  settle(): void {
    for (const task of this.tasks.values()) {
      if (task.own === "waiting" && isBelowFailedBranch(task)) {
        task.own = "skipped";
        task.lease = null;
      }
    }
    this.#completeJobs();
  }

  /** What may be granted now, in the order in which it must be. */
  claimable(): ModelTask[] {
    return [...this.tasks.values()]
      .filter((task) => task.job.status === "OPEN" && stateOf(task) === "QUEUED" && task.dueAt <= this.now)
      .sort((a, b) => b.priority - a.priority || a.job.order - b.job.order || b.depth - a.depth || a.order - b.order);
  }

  task(label: string): ModelTask {
    const task = this.tasks.get(label);
    if (task === undefined) throw new Error(`the model knows no task ${label}`);
    return task;
  }

  job(id: string): ModelJob {
    const job = this.jobs.get(id);
    if (job === undefined) throw new Error(`the model knows no job ${id}`);
    return job;
  }

  tasksOf(job: ModelJob): ModelTask[] {
    return [...this.tasks.values()].filter((task) => task.job === job);
  }

  jobState(job: ModelJob): string {
    return jobStateOf(job, this.tasksOf(job));
  }

  counts(job: ModelJob): Partial<Record<TaskState, number>> {
    const counts: Partial<Record<TaskState, number>> = {};
    for (const task of this.tasksOf(job)) counts[stateOf(task)] = (counts[stateOf(task)] ?? 0) + 1;
    return counts;
  }

  /** The sums per label, sorted, without those that are zero. */
  progress(job: ModelJob): Progress[] {
    const labels = new Set(this.tasksOf(job).flatMap((task) => task.progress.map((bar) => bar.label)));
    return [...labels]
      .sort()
      .map((label) => {
        const bars = this.tasksOf(job).flatMap((task) => task.progress.filter((bar) => bar.label === label));
        const sum = (pick: (bar: Progress) => number) => bars.reduce((total, bar) => total + pick(bar), 0);
        return { label, total: sum((bar) => bar.total), done: sum((bar) => bar.done) };
      })
      .filter((bar) => bar.total > 0 || bar.done > 0);
  }

  deadlineOf(task: ModelTask): number | null {
    if (task.own !== "running" || task.attemptTimeoutMs === null || task.startedAt === null) return null;
    return task.startedAt + task.attemptTimeoutMs;
  }

  /** The token is that of the last attempt, which runs or whose lease has expired without anybody having claimed the task since. */
  #mayReport(task: ModelTask, token: string): boolean {
    return task.lease === token && (task.own === "running" || task.own === "waiting");
  }

  #endAttempt(task: ModelTask, outcome: Outcome): void {
    task.settledToken = task.lease;
    task.lease = null;
    task.session = null;
    task.stoppedAt = this.now;
    task.progress = outcome.progress;
    if (outcome.display !== "") task.display = outcome.display;
  }

  #putBack(task: ModelTask): void {
    task.own = "waiting";
    task.lease = null;
    task.session = null;
    task.stoppedAt = this.now;
  }

  #fail(task: ModelTask, reason: string, nonRetryable: boolean): void {
    task.failures++;
    task.error = reason;
    if (nonRetryable || task.failures > task.retry.maxRetries) {
      this.#failForGood(task);
      return;
    }
    task.own = "waiting";
    let wait = task.retry.initialBackoffMs;
    for (let step = 1; step < task.failures; step++) wait *= task.retry.multiplier;
    wait = Math.round(Math.min(wait, task.retry.maxBackoffMs) * (1 - task.retry.jitter * this.#options.random));
    task.dueAt = wait === 0 ? 0 : this.now + wait;
  }

  #failForGood(task: ModelTask): void {
    for (let scope: ModelTask | null = task; scope !== null; scope = scope.parent) {
      if (!scope.optional) continue;
      task.own = "tolerated";
      scope.branchFailed = scope !== task || scope.branchFailed;
      return;
    }
    task.own = "failed";
    if (task.job.status !== "OPEN") return;
    task.job.status = "FAILED";
    task.job.endedAt = this.now;
    task.job.failedTask = task;
  }

  #completeJobs(): void {
    for (const job of this.jobs.values()) {
      if (job.status !== "OPEN" || !job.roots.every(isClosed)) continue;
      job.status = "COMPLETED";
      job.endedAt = this.now;
    }
  }

  #createGroups(job: ModelJob, parent: ModelTask | null, set: TaskSet): ModelGroup[] {
    const groups = set.groups.map((): ModelGroup => ({ tasks: [], dependsOn: [] }));
    for (const [index, spec] of set.groups.entries()) {
      const group = groups[index];
      if (group === undefined) throw new Error("unreachable");
      group.dependsOn.push(...spec.dependsOn.flatMap((other) => groups[other] ?? []));
      for (const item of spec.tasks) {
        const task = newModelTask(job, parent, group, item, set.templates, this.tasks.size);
        if (isBelowFailedBranch(task)) task.own = "skipped";
        group.tasks.push(task);
        this.tasks.set(task.label, task);
      }
    }
    return groups;
  }
}
