import type { JobTask, RunnerInfo } from "taskgrove";
import { describe, expect, it } from "vitest";
import { plainStyle } from "../format/style.ts";
import { aTask, submittedAt } from "../testing/samples.ts";
import { renderTree } from "./render-tree.ts";
import { buildTaskTree } from "./task-tree.ts";
import { whyQueued } from "./why-queued.ts";

function drawn(tasks: readonly JobTask[], limits: { maxChildren?: number; maxLevels?: number } = {}): string[] {
  const { maxChildren = 20, maxLevels = 20 } = limits;
  const options = { style: plainStyle, now: submittedAt + 5_000, runners: [], maxChildren, maxLevels };
  return [...renderTree(buildTaskTree(tasks), options)];
}

const waiting = { state: "QUEUED", startedAt: undefined, stoppedAt: undefined, attempt: 0 } as const;

describe("renderTree", () => {
  it("shows states, displays, attempts, failures and why a task waits", () => {
    const error = { reason: "Error", message: "gone", details: "" };
    expect(
      drawn([
        aTask("r", { display: "the world", state: "COMPUTED" }),
        aTask("a", {
          parentId: "r",
          state: "RUNNING",
          attempt: 2,
          crashes: 1,
          progress: [{ label: "px", done: 1, total: 4 }],
        }),
        aTask("b", { parentId: "r", state: "FAILED_OPTIONAL", optional: true, error }),
        aTask("b1", { parentId: "b", ...waiting, state: "SKIPPED" }),
        aTask("m", { parentId: "r", ...waiting, queuedReason: "DEPENDENCIES", identifier: ["Merge", "v0.0"] }),
      ]),
    ).toEqual([
      "◐ the world  example.com/Work@v1.0  computed in 1.5s",
      "├ ● example.com/Work@v1.0  running for 5.0s  attempt 2  1 lost runner  px 1/4",
      "├ ! example.com/Work@v1.0  failed (optional) in 1.5s  optional  Error: gone",
      "│ └ - example.com/Work@v1.0  skipped",
      "└ ○ Merge@v0.0  queued: waits for the tasks that it depends on",
    ]);
  });

  it("counts children beyond the limit per identifier, and shows what failed before others", () => {
    const leaves = Array.from({ length: 10 }, (_, index) =>
      aTask(`l${index}`, { parentId: "r", display: `leaf ${index}`, state: index === 7 ? "FAILED" : "COMPLETED" }),
    );
    const merge = aTask("m", { parentId: "r", ...waiting, queuedReason: "JOB_HALTED", identifier: ["Merge", "v0.0"] });
    expect(drawn([aTask("r"), ...leaves, merge], { maxChildren: 2 })).toEqual([
      "✓ example.com/Work@v1.0  completed in 1.5s",
      "├ ✓ leaf 0  example.com/Work@v1.0  completed in 1.5s",
      "├ ✗ leaf 7  example.com/Work@v1.0  failed in 1.5s",
      "├ ○ Merge@v0.0  queued: held: its job has failed or was canceled",
      "└ … 8 × example.com/Work@v1.0: 8 completed",
    ]);
  });

  it("counts levels beyond the limit", () => {
    const tasks = [aTask("a"), aTask("b", { parentId: "a" }), aTask("c", { parentId: "b" })];
    expect(drawn(tasks, { maxLevels: 1 }).at(-1)).toBe(
      "└ … 1 × example.com/Work@v1.0, with all below 2 tasks: 2 completed",
    );
  });

  it("draws a chain of 10,000 levels without running out of stack or of columns", () => {
    const chain = Array.from({ length: 10_000 }, (_, index) =>
      index === 0 ? aTask("t0") : aTask(`t${index}`, { parentId: `t${index - 1}` }),
    );
    const lines = drawn(chain, { maxLevels: Number.POSITIVE_INFINITY });
    expect(lines).toHaveLength(10_000);
    expect(lines.at(-1)).toBe("(9,999) └ ✓ example.com/Work@v1.0  completed in 1.5s");
  });
});

describe("whyQueued", () => {
  const runner = (version: string, cluster = "default"): RunnerInfo => ({
    sessionId: "s",
    name: "r",
    cluster,
    identifiers: [["example.com/Work", version]],
    running: 0,
    connectedAt: new Date(submittedAt),
    leaseExpiresAt: new Date(submittedAt),
  });
  const ready = aTask("t", { ...waiting, queuedReason: "READY", identifier: ["example.com/Work", "v1.2"] });

  it.each([
    [[], "ready, but no runner is connected to cluster default"],
    [[runner("v1.2", "gpu")], "ready, but no runner is connected to cluster default"],
    [[runner("v1.1"), runner("v2.2")], "ready, but no runner of cluster default executes example.com/Work@v1.2"],
    [[runner("v1.10")], "ready: the next runner with a free place takes it"],
  ])("of a ready task", (runners, text) => expect(whyQueued(ready, runners, submittedAt)).toBe(text));

  it("tells when a retry is due", () => {
    const task = aTask("t", { ...waiting, queuedReason: "BACKOFF", nextAttemptAt: new Date(submittedAt + 3_000) });
    expect(whyQueued(task, [], submittedAt)).toBe("failed; tried again in 3.0s");
    expect(whyQueued(task, [], submittedAt + 4_000)).toBe("failed; tried again now");
  });
});
