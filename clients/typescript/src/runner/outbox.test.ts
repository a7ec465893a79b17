import { describe, expect, it } from "vitest";
import { SessionRequest } from "../gen/taskgrove/v1/runner.ts";
import { Outbox } from "./outbox.ts";
import { encodeFailed, encodePart, encodeProgress, encodeReleased } from "./outcome.ts";

const limits = { maxMessageBytes: 10_000, maxSubtasks: 10, maxInputBytes: 1_000 };

function lease(number: number) {
  return { taskId: `task-${number}`, leaseToken: `token-${number}` };
}

function outcomeOf(number: number, subtasks: number) {
  return { ...encodeReleased(lease(number)), subtasks };
}

/** All frames, decoded: kind and the tasks that they name. */
function drain(outbox: Outbox): [string | undefined, string[]][] {
  const frames: [string | undefined, string[]][] = [];
  for (let bytes = outbox.nextFrame(limits); bytes; bytes = outbox.nextFrame(limits)) {
    expect(bytes.length).toBeLessThanOrEqual(limits.maxMessageBytes);
    const { frame } = SessionRequest.decode(bytes);
    const [list = []] = Object.values(frame?.value ?? {}) as { taskId: string }[][];
    frames.push([frame?.$case, list.map(({ taskId }) => taskId)]);
  }
  return frames;
}

describe("the outbox", () => {
  it("puts what waits into few frames, parts before the outcomes that count them", () => {
    const outbox = new Outbox();
    outbox.addOutcome(outcomeOf(1, 0));
    outbox.addProgress("token-3", encodeProgress(lease(3), { progress: [], display: "old" }));
    outbox.addProgress("token-3", encodeProgress(lease(3), { progress: [], display: "new" }));
    outbox.addPart(encodePart(lease(2), 0, { templates: [], groups: [], firstGroup: 0 }));
    outbox.addOutcome(outcomeOf(2, 0));
    expect(drain(outbox)).toEqual([
      ["subtaskParts", ["task-2"]],
      ["progressReports", ["task-3"]],
      ["outcomes", ["task-1", "task-2"]],
    ]);
  });

  it("keeps to the number of subtasks in one frame, counted over all its outcomes", () => {
    const outbox = new Outbox();
    for (const [number, subtasks] of [6, 4, 0, 1, 10, 3].entries()) outbox.addOutcome(outcomeOf(number, subtasks));
    expect(drain(outbox).map(([, tasks]) => tasks.length)).toEqual([3, 1, 1, 1]);
  });

  it("keeps to the size of a message", () => {
    const outbox = new Outbox();
    const failed = { error: { reason: "E", message: "m", details: "x".repeat(4_000) }, nonRetryable: false };
    for (const number of [1, 2, 3]) outbox.addOutcome(encodeFailed(lease(number), failed));
    expect(drain(outbox).map(([, tasks]) => tasks.length)).toEqual([2, 1]);
  });
});
