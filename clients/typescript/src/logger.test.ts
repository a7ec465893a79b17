import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createStderrLogger, withFields } from "./logger.ts";

let lines: string[];
beforeEach(() => {
  lines = [];
  vi.spyOn(process.stderr, "write").mockImplementation((line) => lines.push(String(line)) > 0);
});
afterEach(() => vi.restoreAllMocks());

it("writes one line per record from its level on", () => {
  const logger = createStderrLogger("warn");
  logger.info("not this");
  logger.warn("connection lost", { code: "UNAVAILABLE", problem: "it\nwent", delayMs: 5, error: new Error("no") });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/Z warn connection lost code=UNAVAILABLE problem="it\\nwent" delayMs=5 error="no"\n$/);
});

it("adds the fields of the task to every record", () => {
  withFields(createStderrLogger(), { taskId: "t1" }).error("failed", { attempt: 2 });
  expect(lines[0]).toMatch(/ error failed taskId=t1 attempt=2\n$/);
});
