import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TaskSubmissions } from "../gen/taskgrove/v1/task.ts";
import { countTasks, SubmissionTooLargeError, splitSubmission } from "./split.ts";

const templates = [
  {
    identifier: { name: "Step", version: "v0.0" },
    cluster: "",
    retry: undefined,
    optional: false,
    attemptTimeout: undefined,
    display: "",
  },
];

/** Groups of the given sizes, each depending on all before it; inputs number the tasks. */
function submissionOf(sizes: readonly number[], inputBytes = 4): TaskSubmissions {
  let next = 0;
  const groups = sizes.map((size, index) => ({
    dependsOn: Array.from({ length: index }, (_, before) => before),
    tasks: Array.from({ length: size }, () => {
      const input = Buffer.alloc(inputBytes);
      input.writeUInt32LE(next++);
      return { template: 0, input, display: "" };
    }),
  }));
  return { templates, groups, firstGroup: 0 };
}

/** What an orchestrator makes of the parts. */
function join(parts: readonly TaskSubmissions[]): TaskSubmissions["groups"] {
  const groups: TaskSubmissions["groups"] = [];
  for (const part of parts) {
    expect([groups.length, groups.length - 1]).toContain(part.firstGroup);
    for (const [offset, group] of part.groups.entries()) {
      const known = groups[part.firstGroup + offset];
      if (known) expect(group.dependsOn).toEqual([]);
      if (known) known.tasks.push(...group.tasks);
      else groups.push({ dependsOn: group.dependsOn, tasks: [...group.tasks] });
    }
  }
  return groups;
}

const limits = { maxMessageBytes: 16_384, maxSubtasks: 10, maxInputBytes: 8_192 };

describe("splitting", () => {
  it("leaves what fits in one message", () => {
    const whole = submissionOf([3, 2]);
    expect(splitSubmission(whole, limits)).toEqual([whole]);
  });

  it("gives parts within the limits that join to the whole", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 4, max: 4_000 }),
        (sizes, inputBytes) => {
          const whole = submissionOf(sizes, inputBytes);
          const parts = splitSubmission(whole, limits);
          for (const part of parts) {
            expect(countTasks(part)).toBeGreaterThan(0);
            expect(countTasks(part)).toBeLessThanOrEqual(limits.maxSubtasks);
            expect(TaskSubmissions.encode(part).finish().length).toBeLessThan(limits.maxMessageBytes);
            for (const group of part.groups) expect(group.tasks.length).toBeGreaterThan(0);
          }
          expect(join(parts)).toEqual(whole.groups);
        },
      ),
    );
  });

  it("refuses an input over its limit, naming limit and size", () => {
    const split = () => splitSubmission(submissionOf([1], 8_193), limits);
    expect(split).toThrow(SubmissionTooLargeError);
    expect(split).toThrow("input of a subtask is 8193 bytes; the limit max_input_bytes is 8192");
  });

  it("refuses a task that no message can hold, naming the limit", () => {
    const split = () => splitSubmission(submissionOf([1], 8_000), { ...limits, maxMessageBytes: 8_100 });
    expect(split).toThrow("the limit max_message_bytes is 8100");
  });
});
