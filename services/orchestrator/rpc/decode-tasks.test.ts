import { describe, expect, it } from "vitest";
import { SubmitJobRequest } from "../gen/taskgrove/v1/job_service.ts";
import { Outcome } from "../gen/taskgrove/v1/lease.ts";
import type { TaskTemplate } from "../gen/taskgrove/v1/task.ts";
import { decodeOutcome, decodeSubmission, decodeTaskSet } from "./decode-tasks.ts";

const IDENTIFIER = { name: "Resize", version: "v1.2" };

function template(changes: Partial<TaskTemplate> = {}): TaskTemplate {
  return {
    identifier: IDENTIFIER,
    cluster: "",
    retry: undefined,
    optional: false,
    attemptTimeout: undefined,
    display: "",
    ...changes,
  };
}

const setOf = (one: TaskTemplate) => ({ templates: [one], groups: [], firstGroup: 0 });

function submission(changes: Partial<SubmitJobRequest> = {}): SubmitJobRequest {
  return {
    name: "job",
    tasks: {
      templates: [template()],
      groups: [{ dependsOn: [], tasks: [{ template: 0, input: Buffer.from("x"), display: "" }] }],
      firstGroup: 0,
    },
    idempotencyKey: "",
    priority: 0,
    traceParent: "",
    ...changes,
  };
}

describe("submissions", () => {
  it("keep their groups without a copy", () => {
    const request = submission({ priority: -3, traceParent: "00-1-2-01" });
    const decoded = decodeSubmission(request);
    if (!decoded.ok) throw new Error(decoded.rejection.message);
    expect(decoded.value.tasks.groups).toBe(request.tasks?.groups);
    expect(decoded.value).toMatchObject({ name: "job", priority: -3, traceParent: "00-1-2-01", idempotencyKey: null });
    expect(decoded.value.bodyDigest).toBeNull();
  });

  it("have a digest that depends on the body alone", () => {
    const digest = (request: SubmitJobRequest) => {
      const decoded = decodeSubmission(SubmitJobRequest.decode(SubmitJobRequest.encode(request).finish()));
      return decoded.ok ? decoded.value.bodyDigest : null;
    };
    const first = digest(submission({ idempotencyKey: "a" }));
    expect(first).toMatch(/^[\w-]{43}$/);
    expect(digest(submission({ idempotencyKey: "b" }))).toBe(first);
    expect(digest(submission({ idempotencyKey: "a", priority: 1 }))).not.toBe(first);
    expect(digest(submission({ idempotencyKey: "a", name: "other" }))).not.toBe(first);
  });

  it("need tasks", () => {
    expect(decodeSubmission(submission({ tasks: undefined }))).toEqual({
      ok: false,
      rejection: { reason: "INVALID_ARGUMENT", message: "tasks is missing" },
    });
  });
});

describe("templates", () => {
  it("have the documented defaults", () => {
    const decoded = decodeTaskSet(setOf(template()), "tasks");
    expect(decoded).toMatchObject({
      ok: true,
      value: {
        templates: [
          {
            ...IDENTIFIER,
            retry: { maxRetries: 0, initialBackoffMs: 0, multiplier: 2, maxBackoffMs: 3_600_000, jitter: 0 },
            priority: null,
            attemptTimeoutMs: null,
          },
        ],
      },
    });
  });

  it("round durations up to a millisecond, so that a tiny one is not none", () => {
    const decoded = decodeTaskSet(setOf(template({ attemptTimeout: { seconds: 1, nanos: 1 } })), "tasks");
    expect(decoded).toMatchObject({ ok: true, value: { templates: [{ attemptTimeoutMs: 1_001 }] } });
  });

  const retry = { maxRetries: 1, multiplier: 0, jitter: 0, initialBackoff: undefined, maxBackoff: undefined };
  it.each<[string, Partial<TaskTemplate>]>([
    ["tasks.templates[0].identifier is missing", { identifier: undefined }],
    ["tasks.templates[0].attempt_timeout must not be negative", { attemptTimeout: { seconds: -1, nanos: 0 } }],
    [
      "tasks.templates[0].retry.initial_backoff must not be negative",
      { retry: { ...retry, initialBackoff: { seconds: 0, nanos: -5 } } },
    ],
    [
      "tasks.templates[0].retry.max_backoff is not a duration of at most 315576000000 seconds",
      { retry: { ...retry, maxBackoff: { seconds: 315_576_000_001, nanos: 0 } } },
    ],
  ])("are refused: %s", (message, changes) => {
    expect(decodeTaskSet(setOf(template(changes)), "tasks")).toEqual({
      ok: false,
      rejection: { reason: "INVALID_ARGUMENT", message },
    });
  });
});

describe("outcomes", () => {
  const outcome = (result: Outcome["result"]): Outcome =>
    Outcome.decode(Outcome.encode({ taskId: "T", leaseToken: "L", result, progress: [], display: "done" }).finish());

  it("are read by kind", () => {
    expect(decodeOutcome(outcome({ $case: "computed", value: { subtasks: undefined, parts: 2 } }))).toEqual({
      ok: true,
      value: {
        taskId: "T",
        leaseToken: "L",
        result: { kind: "computed", subtasks: null, parts: 2 },
        progress: [],
        display: "done",
      },
    });
    expect(decodeOutcome(outcome({ $case: "released", value: {} }))).toMatchObject({
      value: { result: { kind: "released" } },
    });
    const error = { reason: "TypeError", message: "no", details: "stack" };
    expect(decodeOutcome(outcome({ $case: "failed", value: { error, nonRetryable: true } }))).toMatchObject({
      value: { result: { kind: "failed", error, nonRetryable: true } },
    });
  });

  it("may fail without saying why", () => {
    expect(decodeOutcome(outcome({ $case: "failed", value: { error: undefined, nonRetryable: false } }))).toMatchObject(
      {
        ok: true,
        value: { result: { error: { reason: "UNKNOWN" } } },
      },
    );
  });

  it("must say what came of the attempt", () => {
    expect(decodeOutcome(outcome(undefined))).toMatchObject({ ok: false, rejection: { reason: "INVALID_ARGUMENT" } });
  });
});
