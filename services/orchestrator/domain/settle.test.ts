import { describe, expect, it } from "vitest";
import { aJob, aTask } from "../testing/records.ts";
import type { TaskRecord } from "./records.ts";
import {
  type AttemptContext,
  checkLease,
  decideAdopted,
  decideFailed,
  decideLost,
  decideReleased,
  decideTimedOut,
} from "./settle.ts";

const NOW = 5_000;
const NO_REPORT = { progress: [], display: "" };
const ERROR = { reason: "Broken", message: "it broke", details: "" };

function running(values: Partial<TaskRecord> = {}): TaskRecord {
  return aTask({ jobId: "job", state: "RUNNING", leaseToken: "token", ...values });
}

function context(values: Partial<AttemptContext> = {}): AttemptContext {
  return { job: aJob({ id: "job" }), branchFailed: false, now: NOW, ...values };
}

function failed(task: TaskRecord, nonRetryable = false, around = context()) {
  return decideFailed(task, { error: ERROR, nonRetryable }, NO_REPORT, around, () => 0);
}

function withRetries(maxRetries: number, initialBackoffMs = 0): TaskRecord["retry"] {
  return { maxRetries, initialBackoffMs, multiplier: 2, maxBackoffMs: 60_000, jitter: 0 };
}

describe("a report counts", () => {
  it("under the token of the running attempt", () => {
    expect(checkLease(running(), "token")).toEqual({ ok: true, value: "current" });
  });

  it("under the token of an expired lease until somebody claims the task", () => {
    const { task } = decideLost(running(), context(), 10);
    expect(task.state).toBe("QUEUED");
    expect(checkLease(task, "token")).toEqual({ ok: true, value: "current" });
  });

  it("again, when it was applied before", () => {
    const task = decideReleased(running(), NO_REPORT, context());
    expect(checkLease(task, "token")).toEqual({ ok: true, value: "repeat" });
  });

  it.each([
    ["another token", running(), "other"],
    ["no token", running({ leaseToken: null }), ""],
    ["a task that is not there", undefined, "token"],
    ["a task that was skipped", running({ state: "SKIPPED" }), "token"],
  ])("not with %s", (_what, task, token) => {
    expect(checkLease(task, token)).toMatchObject({ ok: false, rejection: { reason: "STALE_LEASE" } });
  });
});

describe("a failed attempt", () => {
  it("is retried as often as allowed, then fails the job", () => {
    const once = failed(running({ retry: withRetries(1) }));
    expect(once).toMatchObject({ reach: null, task: { state: "QUEUED", failures: 1, availableAt: 0, error: ERROR } });
    const twice = failed({ ...once.task, state: "RUNNING", leaseToken: "token" });
    expect(twice).toMatchObject({ reach: "job", task: { state: "FAILED", failures: 2 } });
  });

  it("waits for its backoff", () => {
    expect(failed(running({ retry: withRetries(1, 250) })).task.availableAt).toBe(NOW + 250);
  });

  it("fails at once when its error is not retryable", () => {
    expect(failed(running({ retry: withRetries(5) }), true)).toMatchObject({ reach: "job", task: { state: "FAILED" } });
  });

  it("fails only itself when it is optional", () => {
    const outcome = failed(running({ optional: true, scopeId: "outer" }));
    expect(outcome).toMatchObject({ reach: "none", task: { state: "FAILED_OPTIONAL" } });
  });

  it("fails the branch of the nearest optional task above", () => {
    expect(failed(running({ scopeId: "outer" }))).toMatchObject({
      reach: "branch",
      task: { state: "FAILED_OPTIONAL" },
    });
  });

  it("is set aside when its job is halted, and skipped when its branch has failed", () => {
    const task = running({ retry: withRetries(1) });
    expect(failed(task, false, context({ job: aJob({ status: "CANCELED" }) })).task).toMatchObject({
      state: "QUEUED",
      held: true,
    });
    expect(failed(task, false, context({ branchFailed: true })).task).toMatchObject({
      state: "SKIPPED",
      leaseToken: null,
    });
  });
});

describe("an attempt that ends without an outcome", () => {
  it("counts a crash, not a failure, when its runner is lost", () => {
    const { task, reach } = decideLost(running(), context(), 10);
    expect({ ...task, reach }).toMatchObject({
      crashes: 1,
      failures: 0,
      state: "QUEUED",
      sessionId: null,
      reach: null,
    });
  });

  it("fails for good with the tenth crash, and nothing late counts then", () => {
    const { task, reach } = decideLost(running({ crashes: 9 }), context(), 10);
    expect(task).toMatchObject({ state: "FAILED", leaseToken: null, error: { reason: "RUNNER_LOST" } });
    expect(reach).toBe("job");
  });

  it("counts nothing when it is released", () => {
    const task = running({ failures: 1, crashes: 2 });
    expect(decideReleased(task, NO_REPORT, context())).toMatchObject({
      state: "QUEUED",
      failures: 1,
      crashes: 2,
      availableAt: 0,
    });
  });

  it("counts a failure when it runs too long, and nothing late counts then", () => {
    const { task } = decideTimedOut(running({ attemptTimeoutMs: 20, retry: withRetries(1) }), context(), () => 0);
    expect(task).toMatchObject({ state: "QUEUED", failures: 1, error: { reason: "ATTEMPT_TIMEOUT" } });
    expect(checkLease(task, "token").ok).toBe(false);
  });

  it("goes on until the same deadline when its runner comes back", () => {
    const { task } = decideLost(running({ attemptTimeoutMs: 20, startedAt: 100 }), context(), 10);
    expect(task.deadlineAt).toBeNull();
    expect(decideAdopted(task, "session")).toMatchObject({
      state: "RUNNING",
      sessionId: "session",
      deadlineAt: 120,
      stoppedAt: null,
    });
  });
});
