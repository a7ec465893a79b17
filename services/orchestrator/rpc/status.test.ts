import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { StoreUnavailable } from "../store/store.ts";
import { REASON_KEY, STATUS_OF_REASON, thrownToCallFailure, toCallFailure } from "./status.ts";

function recordingLogger() {
  const lines: { level: string; fields: object; message: string }[] = [];
  const log = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message });
  return { lines, debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

describe("statuses", () => {
  it("follow the contract", () => {
    expect(STATUS_OF_REASON.STALE_LEASE).toBe(status.FAILED_PRECONDITION);
    expect(STATUS_OF_REASON.IDEMPOTENCY_CONFLICT).toBe(status.ALREADY_EXISTS);
    expect(STATUS_OF_REASON.UNKNOWN_CLUSTER).toBe(status.NOT_FOUND);
    expect(STATUS_OF_REASON.SESSION_SUPERSEDED).toBe(status.ABORTED);
    expect(STATUS_OF_REASON.VALUE_TOO_LARGE).toBe(status.RESOURCE_EXHAUSTED);
    // A client that retries UNKNOWN, INTERNAL or OK would be wrong whatever the reason.
    for (const code of Object.values(STATUS_OF_REASON)) {
      expect([status.OK, status.UNKNOWN, status.INTERNAL]).not.toContain(code);
    }
  });

  it("carry the reason in the trailing metadata", () => {
    const failure = toCallFailure({ reason: "LIMIT_EXCEEDED", message: "name has more than 256 characters" });
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, details: "name has more than 256 characters" });
    expect(failure.metadata?.get(REASON_KEY)).toEqual(["LIMIT_EXCEEDED"]);
  });

  it("survive sentences that grpc-js could not send", () => {
    const failure = toCallFailure({
      reason: "INVALID_ARGUMENT",
      message: `cut in the middle \ud83d${"x".repeat(5_000)}`,
    });
    expect(() => encodeURI(failure.details)).not.toThrow();
    expect(failure.details.length).toBeLessThanOrEqual(1_000);
  });

  it("tell callers when the store is away", () => {
    const failure = thrownToCallFailure(new StoreUnavailable("disk on fire"), "GetJob", recordingLogger());
    expect(failure.code).toBe(status.UNAVAILABLE);
    expect(failure.details).not.toContain("fire");
  });

  it("tell callers nothing about a bug, and the log everything", () => {
    const logger = recordingLogger();
    const bug = new Error("row 17 of secret_table");
    const failure = thrownToCallFailure(bug, "GetJob", logger);
    expect(failure.code).toBe(status.INTERNAL);
    expect(failure.details).not.toContain("secret_table");
    expect(logger.lines).toEqual([
      { level: "error", fields: { err: bug, method: "GetJob" }, message: "call failed unexpectedly" },
    ]);
  });
});
