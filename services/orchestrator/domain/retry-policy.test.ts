import { describe, expect, it } from "vitest";
import { backoffMs } from "./retry-policy.ts";

const POLICY = { maxRetries: 10, initialBackoffMs: 100, multiplier: 3, maxBackoffMs: 2_000, jitter: 0 };

describe("backoff", () => {
  it("grows by its factor up to the longest", () => {
    expect([1, 2, 3, 4, 5].map((failures) => backoffMs(POLICY, failures, 0))).toEqual([100, 300, 900, 2_000, 2_000]);
  });

  it("is nothing without a first wait", () => {
    expect(backoffMs({ ...POLICY, initialBackoffMs: 0 }, 5, 0.5)).toBe(0);
  });

  it("is shortened by a random part of up to its jitter", () => {
    const policy = { ...POLICY, jitter: 0.5 };
    expect(backoffMs(policy, 1, 0)).toBe(100);
    expect(backoffMs(policy, 1, 0.5)).toBe(75);
    expect(backoffMs(policy, 1, 1)).toBe(50);
    expect(backoffMs({ ...POLICY, jitter: 1 }, 4, 1)).toBe(0);
  });

  it("stays within the longest however often the task has failed", () => {
    expect(backoffMs(POLICY, 1_000_000, 0)).toBe(2_000);
  });
});
