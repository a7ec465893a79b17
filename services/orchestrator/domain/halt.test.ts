import { describe, expect, it } from "vitest";
import { aJob, aTask } from "../testing/records.ts";
import { decideAligned, decideCanceled, decideJobFailed, decideJobRetried } from "./halt.ts";

describe("canceling a job", () => {
  it("ends it now, once", () => {
    const canceled = decideCanceled(aJob(), 7);
    expect(canceled).toMatchObject({ value: { status: "CANCELED", endedAt: 7 } });
    if (canceled.ok) expect(decideCanceled(canceled.value, 8)).toEqual(canceled);
  });

  it("is refused when it is completed", () => {
    expect(decideCanceled(aJob({ status: "COMPLETED" }), 7)).toMatchObject({ rejection: { reason: "JOB_COMPLETED" } });
  });

  it("keeps when and why a failed job ended", () => {
    const failed = decideJobFailed(aJob(), "task", null, 5);
    expect(decideCanceled(failed, 7)).toMatchObject({
      value: { status: "CANCELED", endedAt: 5, failedTaskId: "task" },
    });
  });
});

describe("retrying a job", () => {
  it.each(["OPEN", "COMPLETED"] as const)("is refused while it is %s", (status) => {
    expect(decideJobRetried(aJob({ status }), 7)).toMatchObject({ rejection: { reason: "JOB_NOT_HALTED" } });
  });

  it.each(["FAILED", "CANCELED"] as const)("lets a %s job go on", (status) => {
    const job = aJob({ status, openGroups: 1, failedTaskId: "task" });
    expect(decideJobRetried(job, 7)).toMatchObject({ value: { status: "OPEN", endedAt: null, failedTaskId: null } });
  });

  it("completes a canceled job whose running tasks finished it all the same", () => {
    const job = aJob({ status: "CANCELED", openGroups: 0, endedAt: 5 });
    expect(decideJobRetried(job, 7)).toMatchObject({ value: { status: "COMPLETED", endedAt: 7 } });
  });
});

describe("a job that fails", () => {
  it("keeps the first task that failed it, and stays canceled when it was", () => {
    const failed = decideJobFailed(aJob(), "first", null, 5);
    expect(decideJobFailed(failed, "second", null, 6)).toBe(failed);
    const canceled = aJob({ status: "CANCELED" });
    expect(decideJobFailed(canceled, "first", null, 6)).toBe(canceled);
  });
});

describe("queued tasks", () => {
  it("are set aside with their job and come back with it", () => {
    const task = aTask({ jobId: "job" });
    const held = decideAligned(task, true);
    expect(held).toMatchObject({ held: true });
    expect(decideAligned(task, false)).toBeNull();
    if (held !== null) expect(decideAligned(held, false)).toEqual(task);
  });

  it.each(["BLOCKED", "RUNNING", "COMPLETED"] as const)("are not those that are %s", (state) => {
    expect(decideAligned(aTask({ jobId: "job", state }), true)).toBeNull();
  });
});
