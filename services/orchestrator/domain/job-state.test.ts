import { describe, expect, it } from "vitest";
import { aJob } from "../testing/records.ts";
import { jobState } from "./job-state.ts";
import { NO_COUNTS } from "./records.ts";

describe("a job's state", () => {
  const counts = (running: number) => ({ ...NO_COUNTS, QUEUED: 1, RUNNING: running });

  it("is submitted until its first task starts", () => {
    expect(jobState(aJob({ counts: counts(0) }))).toBe("SUBMITTED");
  });

  it("is running while a task of it runs, started in between", () => {
    expect(jobState(aJob({ startedAt: 1, counts: counts(2) }))).toBe("RUNNING");
    expect(jobState(aJob({ startedAt: 1, counts: counts(0) }))).toBe("STARTED");
  });

  it.each(["COMPLETED", "FAILED", "CANCELED"] as const)("is %s although tasks of it may run on", (status) => {
    expect(jobState(aJob({ status, startedAt: 1, counts: counts(1) }))).toBe(status);
  });
});
