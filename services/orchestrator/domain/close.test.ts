import { describe, expect, it } from "vitest";
import { aGroup, aJob, aTask } from "../testing/records.ts";
import {
  closeGroupOfJob,
  closeGroupOfTask,
  countDone,
  countReady,
  decideSkipped,
  decideUnblocked,
  isClosed,
} from "./close.ts";

describe("the end of a subtree", () => {
  it("closes a group with its last task", () => {
    const group = countDone(aGroup({ jobId: "job", open: 3, size: 3 }), 2);
    expect(isClosed(group)).toBe(false);
    expect(isClosed(countDone(group, 1))).toBe(true);
  });

  it("completes a computed parent with its last group", () => {
    const parent = aTask({ jobId: "job", state: "COMPUTED", openGroups: 2 });
    const one = closeGroupOfTask(parent);
    expect(one).toMatchObject({ state: "COMPUTED", openGroups: 1 });
    expect(closeGroupOfTask(one)).toMatchObject({ state: "COMPLETED", openGroups: 0 });
  });

  it("completes an open job with its last group, and leaves a halted one halted", () => {
    expect(closeGroupOfJob(aJob({ openGroups: 2 }), 7)).toMatchObject({ status: "OPEN", openGroups: 1, endedAt: null });
    expect(closeGroupOfJob(aJob({ openGroups: 1 }), 7)).toMatchObject({
      status: "COMPLETED",
      openGroups: 0,
      endedAt: 7,
    });
    const canceled = aJob({ status: "CANCELED", openGroups: 1, endedAt: 5 });
    expect(closeGroupOfJob(canceled, 7)).toMatchObject({ status: "CANCELED", openGroups: 0, endedAt: 5 });
  });

  it("readies a group that waits for several with the last of them", () => {
    const group = countReady(aGroup({ jobId: "job", waiting: 2 }));
    expect(group.waiting).toBe(1);
    expect(countReady(group).waiting).toBe(0);
  });
});

describe("tasks that change in crowds", () => {
  it("are queued, or set aside, when nothing blocks them any more", () => {
    const blocked = aTask({ jobId: "job", state: "BLOCKED" });
    expect(decideUnblocked(blocked, false)).toMatchObject({ state: "QUEUED", held: false });
    expect(decideUnblocked(blocked, true)).toMatchObject({ state: "QUEUED", held: true });
  });

  it("are skipped when they have not started, and lose what an expired lease could still report", () => {
    expect(decideSkipped(aTask({ jobId: "job", state: "BLOCKED" }))).toMatchObject({ state: "SKIPPED" });
    const waiting = aTask({ jobId: "job", held: true, availableAt: 9, leaseToken: "token" });
    expect(decideSkipped(waiting)).toMatchObject({ state: "SKIPPED", held: false, availableAt: 0, leaseToken: null });
  });

  it.each(["RUNNING", "COMPUTED", "COMPLETED", "FAILED_OPTIONAL"] as const)(
    "are left alone when they are %s",
    (state) => {
      expect(decideSkipped(aTask({ jobId: "job", state }))).toBeNull();
    },
  );
});
