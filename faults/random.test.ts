import { describe, expect, it } from "vitest";
import { seededRandom } from "./random.ts";

function numbers(seed: number, purpose: string): number[] {
  const random = seededRandom(seed, purpose);
  return Array.from({ length: 1_000 }, () => random.next());
}

describe("seededRandom", () => {
  it("gives the same for the same seed and purpose, and something else otherwise", () => {
    expect(numbers(1, "a")).toEqual(numbers(1, "a"));
    expect(numbers(1, "a")).not.toEqual(numbers(2, "a"));
    expect(numbers(1, "a")).not.toEqual(numbers(1, "b"));
  });

  it("is spread evenly, also for small seeds that follow each other", () => {
    const first = Array.from({ length: 1_000 }, (_, seed) => seededRandom(seed, "a").next());
    for (const list of [first, numbers(0, "a"), numbers(1, "a")]) {
      const mean = list.reduce((sum, value) => sum + value, 0) / list.length;
      expect(mean).toBeGreaterThan(0.45);
      expect(mean).toBeLessThan(0.55);
    }
  });

  it("gives whole numbers within both bounds", () => {
    const random = seededRandom(3, "bounds");
    const seen = new Set(Array.from({ length: 500 }, () => random.between(2, 4)));
    expect([...seen].sort()).toEqual([2, 3, 4]);
  });

  it("refuses to pick from nothing", () => {
    expect(() => seededRandom(1, "a").pick([])).toThrow(RangeError);
  });
});
