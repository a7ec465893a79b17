import { describe, expect, it } from "vitest";
import { aJob, aSet, aTemplate, NO_RETRY } from "../testing/submissions.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { RetryPolicy } from "./records.ts";
import type { JobSubmission, TaskSet, TaskTemplate } from "./submission.ts";
import { checkEdges, checkProgress, parseJob, parseTaskSet } from "./validate.ts";

const LIMITS = { ...DEFAULT_LIMITS, maxNameLength: 8, maxDisplayLength: 6, maxInputBytes: 4, maxSubtasksPerFrame: 3 };

function refusalOf(job: JobSubmission): string {
  const result = parseJob(job, LIMITS);
  return result.ok ? "accepted" : `${result.rejection.reason}: ${result.rejection.message}`;
}

function refusalOfSet(set: TaskSet): string {
  return refusalOf(aJob({ tasks: set }));
}

function withTemplate(changes: Partial<TaskTemplate>): TaskSet {
  return { ...aSet("in"), templates: [aTemplate(changes)] };
}

function withRetry(changes: Partial<RetryPolicy>): TaskSet {
  return withTemplate({ retry: { ...NO_RETRY, ...changes } });
}

function withTask(changes: Partial<TaskSet["groups"][number]["tasks"][number]>): TaskSet {
  const task = { template: 0, input: new Uint8Array(), display: "", ...changes };
  return { ...aSet("in"), groups: [{ dependsOn: [], tasks: [task] }] };
}

describe("a job is refused whole, with the field and the limit", () => {
  const cases: readonly (readonly [what: string, job: JobSubmission, message: string])[] = [
    ["no name", aJob({ name: "" }), "INVALID_ARGUMENT: name must not be empty"],
    ["a long name", aJob({ name: "x".repeat(9) }), "LIMIT_EXCEEDED: name has more characters; the limit is 8"],
    [
      "a long idempotency key",
      aJob({ idempotencyKey: "k".repeat(257) }),
      "LIMIT_EXCEEDED: idempotency_key has more characters; the limit is 256",
    ],
    [
      "a long trace parent",
      aJob({ traceParent: "t".repeat(9) }),
      "LIMIT_EXCEEDED: trace_parent has more characters; the limit is 8",
    ],
    ["no groups", aJob({ tasks: aSet() }), "INVALID_ARGUMENT: tasks.groups must hold at least one group"],
    ["a later part", aJob({ tasks: { ...aSet("a"), firstGroup: 1 } }), "INVALID_ARGUMENT: tasks.first_group must be 0"],
  ];
  it.each(cases)("%s", (_what, job, message) => {
    expect(refusalOf(job)).toBe(message);
  });

  it("counts characters, not UTF-16 units", () => {
    expect(refusalOf(aJob({ name: "🌍".repeat(8) }))).toBe("accepted");
    expect(refusalOf(aJob({ name: "🌍".repeat(9) }))).toContain("LIMIT_EXCEEDED");
  });
});

describe("a set of tasks is refused whole, with the field and the limit", () => {
  const cases: readonly (readonly [what: string, set: TaskSet, message: string])[] = [
    ["an empty group", aSet("a", { tasks: [] }), "INVALID_ARGUMENT: tasks.groups[1].tasks must hold at least one task"],
    [
      "a template that is not there",
      withTask({ template: 1 }),
      "INVALID_ARGUMENT: tasks.groups[0].tasks[0].template is 1, but there are only 1 templates",
    ],
    [
      "a negative template",
      withTask({ template: -1 }),
      "INVALID_ARGUMENT: tasks.groups[0].tasks[0].template is -1, but there are only 1 templates",
    ],
    [
      "a large input",
      withTask({ input: new Uint8Array(5) }),
      "LIMIT_EXCEEDED: tasks.groups[0].tasks[0].input has 5 bytes; max_input_bytes is 4",
    ],
    [
      "a task's long display",
      withTask({ display: "d".repeat(7) }),
      "LIMIT_EXCEEDED: tasks.groups[0].tasks[0].display has more characters; the limit is 6",
    ],
    [
      "too many tasks",
      aSet({ tasks: ["a", "b"] }, { tasks: ["c", "d"] }),
      "LIMIT_EXCEEDED: tasks holds 4 tasks, more than max_subtasks_per_frame (3); send subtasks in parts",
    ],
    [
      "no task name",
      withTemplate({ name: "" }),
      "INVALID_ARGUMENT: tasks.templates[0].identifier.name must not be empty",
    ],
    [
      "a long task name",
      withTemplate({ name: "n".repeat(9) }),
      "LIMIT_EXCEEDED: tasks.templates[0].identifier.name has more than 8 characters",
    ],
    [
      "a template's long display",
      withTemplate({ display: "d".repeat(7) }),
      "LIMIT_EXCEEDED: tasks.templates[0].display has more characters; the limit is 6",
    ],
    [
      "a long cluster",
      withTemplate({ cluster: "c".repeat(9) }),
      "LIMIT_EXCEEDED: tasks.templates[0].cluster has more characters; the limit is 8",
    ],
    [
      "negative retries",
      withRetry({ maxRetries: -1 }),
      "INVALID_ARGUMENT: tasks.templates[0].retry.max_retries must be a whole number that is not negative",
    ],
    [
      "half a retry",
      withRetry({ maxRetries: 0.5 }),
      "INVALID_ARGUMENT: tasks.templates[0].retry.max_retries must be a whole number that is not negative",
    ],
    [
      "too many retries",
      withRetry({ maxRetries: 1_000_001 }),
      "LIMIT_EXCEEDED: tasks.templates[0].retry.max_retries has 1000001; the limit is 1000000",
    ],
    [
      "a negative backoff",
      withRetry({ initialBackoffMs: -1 }),
      "INVALID_ARGUMENT: tasks.templates[0].retry.initial_backoff must not be negative",
    ],
    [
      "a negative longest backoff",
      withRetry({ maxBackoffMs: -1 }),
      "INVALID_ARGUMENT: tasks.templates[0].retry.max_backoff must not be negative",
    ],
    [
      "a backoff that shrinks",
      withRetry({ multiplier: 0.5 }),
      "INVALID_ARGUMENT: tasks.templates[0].retry.multiplier must be at least 1",
    ],
    [
      "an endless multiplier",
      withRetry({ multiplier: Number.POSITIVE_INFINITY }),
      "INVALID_ARGUMENT: tasks.templates[0].retry.multiplier must be at least 1",
    ],
    [
      "a multiplier that is no number",
      withRetry({ multiplier: Number.NaN }),
      "INVALID_ARGUMENT: tasks.templates[0].retry.multiplier must be at least 1",
    ],
    [
      "too much jitter",
      withRetry({ jitter: 1.1 }),
      "INVALID_ARGUMENT: tasks.templates[0].retry.jitter must be from 0 to 1",
    ],
    [
      "no time for an attempt",
      withTemplate({ attemptTimeoutMs: 0 }),
      "INVALID_ARGUMENT: tasks.templates[0].attempt_timeout must be longer than zero",
    ],
    [
      "a broken priority",
      withTemplate({ priority: 1.5 }),
      "INVALID_ARGUMENT: tasks.templates[0].priority must be a whole number",
    ],
  ];
  it.each(cases)("%s", (_what, set, message) => {
    expect(refusalOfSet(set)).toBe(message);
  });

  it.each(["", "1.0", "v1", "v1.0.0", "v-1.0", "v1.x", "V1.0", " v1.0", "v1.0\n", "v99999999999999999999.0"])(
    "the version %j",
    (version) => {
      expect(refusalOfSet(withTemplate({ version }))).toBe(
        `INVALID_VERSION: tasks.templates[0].identifier.version ${JSON.stringify(version)} must be of the form v1.2`,
      );
    },
  );

  it("takes what is right at the limits", () => {
    expect(refusalOfSet(withTask({ input: new Uint8Array(4), display: "d".repeat(6) }))).toBe("accepted");
    expect(refusalOfSet(aSet({ tasks: ["a", "b", "c"] }))).toBe("accepted");
  });

  it("parses the identifiers", () => {
    const result = parseTaskSet(withTemplate({ version: "v12.034" }), LIMITS, "tasks");
    expect(result).toMatchObject({ value: { templates: [{ identifier: { name: "Task", major: 12, minor: 34 } }] } });
  });
});

describe("dependencies between groups", () => {
  function refusal(...dependsOn: readonly (readonly number[])[]): string {
    const found = checkEdges(
      dependsOn.map((one) => ({ size: 1, dependsOn: one })),
      "tasks",
    );
    return found === null ? "accepted" : `${found.reason}: ${found.message}`;
  }

  it("may point backward and forward", () => {
    expect(refusal([], [0], [0, 1])).toBe("accepted");
    expect(refusal([1, 2], [2], [])).toBe("accepted");
  });

  it("must name groups that are there", () => {
    const message = "INVALID_DEPENDENCY: tasks.groups[0].depends_on names group 2, but there are only 2 groups";
    expect(refusal([2], [])).toBe(message);
    expect(refusal([-1])).toContain("INVALID_DEPENDENCY");
    expect(refusal([0.5])).toContain("INVALID_DEPENDENCY");
  });

  it("must not repeat", () => {
    expect(refusal([], [0, 0])).toBe("INVALID_DEPENDENCY: tasks.groups[1].depends_on names group 0 twice");
  });

  it("must not name their own group", () => {
    expect(refusal([0])).toBe("CYCLIC_DEPENDENCIES: tasks.groups[0].depends_on names its own group");
  });

  it("must not go round in a circle", () => {
    expect(refusal([], [0, 3], [1], [2])).toBe(
      "CYCLIC_DEPENDENCIES: tasks.groups have a cycle of dependencies through group 1",
    );
  });

  it("are checked in a time that is linear in their number", () => {
    const chain = Array.from({ length: 200_000 }, (_, index) => (index === 0 ? [] : [index - 1]));
    expect(refusal(...chain.slice(0, 50_000))).toBe("accepted");
    const shapes = chain.map((dependsOn) => ({ size: 1, dependsOn }));
    expect(checkEdges(shapes, "tasks")).toBeNull();
  });
});

describe("progress", () => {
  function refusal(...bars: readonly { label?: string; total?: number; done?: number }[]): string {
    const found = checkProgress(
      bars.map((bar) => ({ label: "", total: 0, done: 0, ...bar })),
      { ...LIMITS, maxProgressLabels: 2, maxProgressLabelLength: 3 },
    );
    return found === null ? "accepted" : `${found.reason}: ${found.message}`;
  }

  it("may be more done than there is, or nothing", () => {
    expect(refusal({ total: 1, done: 2 }, { label: "abc" })).toBe("accepted");
    expect(refusal()).toBe("accepted");
  });

  it("has a limit on labels", () => {
    expect(refusal({}, { label: "a" }, { label: "b" })).toBe(
      "LIMIT_EXCEEDED: progress has 3 labels; max_progress_labels is 2",
    );
    expect(refusal({ label: "abcd" })).toBe("LIMIT_EXCEEDED: progress[0].label has more characters; the limit is 3");
    expect(refusal({ label: "a" }, { label: "a" })).toBe("INVALID_ARGUMENT: progress[1].label is there twice");
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])("is counted in whole numbers: not %d", (count) => {
    expect(refusal({ total: count })).toBe("INVALID_ARGUMENT: progress[0] must have whole, non-negative numbers");
    expect(refusal({ done: count })).toBe("INVALID_ARGUMENT: progress[0] must have whole, non-negative numbers");
  });
});
