import { describe, expect, it } from "vitest";
import type { GrantedTask } from "../engine/api.ts";
import { AckResult, type Grants } from "../gen/taskgrove/v1/lease.ts";
import { SessionResponse } from "../gen/taskgrove/v1/runner.ts";
import { encodeAcks, encodeGrants, type SizedResponse } from "./encode-session.ts";

function granted(changes: Partial<GrantedTask> = {}): GrantedTask {
  return {
    taskId: "T1",
    leaseToken: "L1",
    job: { id: "J1", name: "job", traceParent: "" },
    queueId: 1,
    identifier: { name: "Resize", major: 1, minor: 2 },
    cluster: "default",
    parentId: null,
    input: new Uint8Array(),
    display: "",
    attempt: 1,
    failures: 0,
    attemptTimeoutMs: null,
    ...changes,
  };
}

function overTheWire({ response }: SizedResponse): Grants {
  const read = SessionResponse.decode(SessionResponse.encode(response).finish()).frame;
  if (read?.$case !== "grants") throw new Error("not a grants frame");
  return read.value;
}

describe("grants", () => {
  it("send what repeats once", () => {
    const other = { id: "J2", name: "other", traceParent: "00-1-2-01" };
    const [frame, ...more] = encodeGrants([
      granted({ input: new TextEncoder().encode("hello") }),
      granted({ taskId: "T2", job: other, queueId: 2, identifier: { name: "Crop", major: 0, minor: 0 } }),
      granted({ taskId: "T3", job: other, attemptTimeoutMs: 1_500, parentId: "T1" }),
    ]);
    expect(more).toEqual([]);
    const grants = overTheWire(frame as SizedResponse);
    expect(grants.jobs).toEqual([{ id: "J1", name: "job", traceParent: "" }, other]);
    expect(grants.identifiers).toEqual([
      { name: "Resize", version: "v1.2" },
      { name: "Crop", version: "v0.0" },
    ]);
    expect(grants.grants.map((grant) => [grant.taskId, grant.job, grant.identifier])).toEqual([
      ["T1", 0, 0],
      ["T2", 1, 1],
      ["T3", 1, 0],
    ]);
    expect(grants.grants[0]?.input.toString()).toBe("hello");
    expect(grants.grants[2]).toMatchObject({ attemptTimeout: { seconds: 1, nanos: 500_000_000 }, parentId: "T1" });
  });

  it("come in frames that any client takes", () => {
    const input = new Uint8Array(64 * 1024);
    const tasks = Array.from({ length: 200 }, (_, index) => granted({ taskId: `T${index}`, input }));
    const frames = encodeGrants(tasks);
    for (const { response, bytes } of frames) {
      const size = SessionResponse.encode(response).finish().length;
      expect(size).toBeLessThan(2 * 1024 * 1024);
      expect(Math.abs(size - bytes)).toBeLessThan(10_000);
    }
    expect(frames.flatMap((frame) => overTheWire(frame).grants.map((grant) => grant.taskId))).toEqual(
      tasks.map((task) => task.taskId),
    );
    for (const frame of frames) expect(overTheWire(frame).jobs).toHaveLength(1);
  });
});

describe("acks", () => {
  it("tell accepted, stale and refused apart", () => {
    const lease = { taskId: "T", leaseToken: "L" };
    const { frame } = encodeAcks([
      { ...lease, rejection: null },
      { ...lease, rejection: { reason: "STALE_LEASE", message: "superseded" } },
      { ...lease, part: 0, rejection: { reason: "LIMIT_EXCEEDED", message: "input has 9 bytes" } },
    ]);
    expect(frame).toEqual({
      $case: "acks",
      value: {
        acks: [
          { ...lease, result: AckResult.ACK_RESULT_ACCEPTED, reason: "", message: "", part: undefined },
          { ...lease, result: AckResult.ACK_RESULT_STALE_LEASE, reason: "", message: "", part: undefined },
          {
            ...lease,
            result: AckResult.ACK_RESULT_REFUSED,
            reason: "LIMIT_EXCEEDED",
            message: "input has 9 bytes",
            part: 0,
          },
        ],
      },
    });
  });
});
