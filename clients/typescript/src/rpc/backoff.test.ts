import { expect, it } from "vitest";
import { reconnectDelayMs } from "./backoff.ts";

it("doubles with each failure up to a limit, with full jitter", () => {
  const longest = [0, 1, 2, 6, 7, 1_000].map((failures) => reconnectDelayMs(failures, () => 1));
  expect(longest).toEqual([100, 200, 400, 6_400, 10_000, 10_000]);
  expect(reconnectDelayMs(3, () => 0)).toBe(0);
  expect(reconnectDelayMs(3, () => 0.5)).toBe(400);
});
