import { isHalted, type JobRecord, type Progress, type TaskFailure, type TaskRecord } from "./records.ts";
import { accept, type Result, reject } from "./rejection.ts";
import { backoffMs } from "./retry-policy.ts";

/**
 * How attempts end. Each function takes the records as they are and returns the task as it becomes; what that means for
 * its group, its branch and its job is in `close.ts` and `halt.ts`.
 */

/** What surrounds a task whose attempt ends. */
export interface AttemptContext {
  readonly job: JobRecord;
  /** An optional branch that the task belongs to has failed: it is not queued again but skipped. */
  readonly branchFailed: boolean;
  readonly now: number;
}

/** What an attempt reports about itself at its end. */
export interface Report {
  readonly progress: readonly Progress[];
  /** Empty: as it was. */
  readonly display: string;
}

/** What a final failure does: nothing more, fail the branch of an optional task, or fail the job. */
export type FailureReach = "none" | "branch" | "job";

export interface FailedAttempt {
  readonly task: TaskRecord;
  /** null: the task is not failed for good. */
  readonly reach: FailureReach | null;
}

/**
 * Whether a report under this token counts. `repeat`: it was applied before and is acknowledged again. An expired lease that nobody has
 * claimed since still counts, so the token is what decides, not the time.
 */
export function checkLease(task: TaskRecord | undefined, leaseToken: string): Result<"current" | "repeat"> {
  if (task !== undefined && leaseToken !== "") {
    const mayReport = task.state === "RUNNING" || task.state === "QUEUED";
    if (mayReport && task.leaseToken === leaseToken) return accept("current");
    if (task.settledToken === leaseToken) return accept("repeat");
  }
  return reject("STALE_LEASE", "the lease was superseded; nothing was changed");
}

/** The task's own code succeeded, with this many groups of subtasks. */
export function decideComputed(task: TaskRecord, openGroups: number, report: Report, now: number): TaskRecord {
  return {
    ...endAttempt(task, report, now),
    state: openGroups === 0 ? "COMPLETED" : "COMPUTED",
    openGroups,
    error: null,
  };
}

/** The task's own code failed. */
export function decideFailed(
  task: TaskRecord,
  failure: { readonly error: TaskFailure; readonly nonRetryable: boolean },
  report: Report,
  context: AttemptContext,
  random: () => number,
): FailedAttempt {
  const ended: TaskRecord = {
    ...endAttempt(task, report, context.now),
    failures: task.failures + 1,
    error: failure.error,
  };
  if (failure.nonRetryable || ended.failures > task.retry.maxRetries) return failForGood(ended);
  const wait = backoffMs(task.retry, ended.failures, random());
  return { task: queueAgain(ended, context, wait > 0 ? context.now + wait : 0), reach: null };
}

/** The running attempt took longer than its attempt timeout: a failure under a token that is now superseded. */
export function decideTimedOut(task: TaskRecord, context: AttemptContext, random: () => number): FailedAttempt {
  const error: TaskFailure = {
    reason: "ATTEMPT_TIMEOUT",
    message: `the attempt ran longer than ${task.attemptTimeoutMs ?? 0} ms`,
    details: "",
  };
  const report = { progress: task.progress, display: "" };
  const failed = decideFailed(task, { error, nonRetryable: false }, report, context, random);
  return { ...failed, task: { ...failed.task, settledToken: task.settledToken } };
}

/** The runner gave the task back: it counts as nothing. */
export function decideReleased(task: TaskRecord, report: Report, context: AttemptContext): TaskRecord {
  return queueAgain(endAttempt(task, report, context.now), context, 0);
}

/** The runner never got the grant (it did not list the lease when it came back): it counts as nothing. */
export function decideForgotten(task: TaskRecord, context: AttemptContext): TaskRecord {
  return queueAgain(
    { ...task, leaseToken: null, sessionId: null, deadlineAt: null, stoppedAt: context.now },
    context,
    0,
  );
}

/**
 * The runner's lease ran out: a crash, not a failure. The token stays, so that a result that comes late still counts, until
 * somebody claims the task again.
 */
export function decideLost(task: TaskRecord, context: AttemptContext, maxCrashes: number): FailedAttempt {
  const crashes = task.crashes + 1;
  const lost: TaskRecord = { ...task, crashes, sessionId: null, deadlineAt: null, stoppedAt: context.now };
  if (crashes < maxCrashes) return { task: queueAgain(lost, context, 0), reach: null };
  const error = {
    reason: "RUNNER_LOST",
    message: `${crashes} runners were lost while they ran this task`,
    details: "",
  };
  return failForGood({ ...lost, leaseToken: null, error });
}

/** A running or expired attempt that its runner still holds goes on under another session. */
export function decideAdopted(task: TaskRecord, sessionId: string): TaskRecord {
  return {
    ...task,
    state: "RUNNING",
    held: false,
    sessionId,
    stoppedAt: null,
    deadlineAt:
      task.attemptTimeoutMs === null || task.startedAt === null ? null : task.startedAt + task.attemptTimeoutMs,
  };
}

function endAttempt(task: TaskRecord, report: Report, now: number): TaskRecord {
  return {
    ...task,
    leaseToken: null,
    settledToken: task.leaseToken,
    sessionId: null,
    deadlineAt: null,
    held: false,
    stoppedAt: now,
    progress: report.progress,
    display: report.display === "" ? task.display : report.display,
  };
}

function queueAgain(task: TaskRecord, context: AttemptContext, availableAt: number): TaskRecord {
  if (context.branchFailed) return { ...task, state: "SKIPPED", held: false, availableAt: 0, leaseToken: null };
  return { ...task, state: "QUEUED", held: isHalted(context.job), availableAt };
}

function failForGood(task: TaskRecord): FailedAttempt {
  const tolerated = task.optional || task.scopeId !== null;
  const state = tolerated ? "FAILED_OPTIONAL" : "FAILED";
  const reach = task.optional ? "none" : tolerated ? "branch" : "job";
  return { task: { ...task, state, held: false, availableAt: 0 }, reach };
}
