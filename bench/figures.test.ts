import { expect, it } from "vitest";
import { isReached, median, percentile, shortCount } from "./figures.ts";

it("finds the median of odd and even numbers of values, in any order", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 6])).toBe(5.5);
  expect(() => median([])).toThrow();
});

it("finds percentiles", () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect(percentile(values, 0.5)).toBe(100);
  expect(percentile(values, 0.99)).toBe(198);
  expect(percentile([7], 0.01)).toBe(7);
  expect(() => percentile([], 0.5)).toThrow();
});

it.each([
  [1_000, "1k"],
  [1_000_000, "1M"],
  [1_023, "1023"],
  [0, "0"],
])("names %i as %s", (count, name) => {
  expect(shortCount(count)).toBe(name);
});

it("knows whether a target is reached", () => {
  const figure = { name: "f", unit: "ms", value: 10 };
  expect(isReached(figure)).toBeUndefined();
  expect(isReached({ ...figure, target: { atMost: 10 } })).toBe(true);
  expect(isReached({ ...figure, target: { atMost: 9 } })).toBe(false);
  expect(isReached({ ...figure, target: { atLeast: 10 } })).toBe(true);
  expect(isReached({ ...figure, target: { atLeast: 11 } })).toBe(false);
});
