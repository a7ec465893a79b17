import { describe, expect, it } from "vitest";
import { createLogger } from "./logger.ts";

describe("the logger", () => {
  it("writes one JSON object a line and blots out lease tokens", () => {
    const lines: string[] = [];
    const logger = createLogger("info", { write: (line) => void lines.push(line) });
    logger.debug({}, "too small");
    logger.info({ leaseToken: "s3cret", task: { leaseToken: "s3cret", taskId: "T1" } }, "granted");
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain("s3cret");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "info", msg: "granted", task: { taskId: "T1" } });
  });
});
