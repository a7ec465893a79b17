import { describe, expect, it } from "vitest";
import { canRun, quote, versionText } from "./version.ts";

const at = (major: number, minor: number, name = "Task") => ({ name, major, minor });

describe("a runner may execute a task", () => {
  it("of the same major and an equal or lower minor version", () => {
    expect(canRun(at(1, 3), at(1, 3))).toBe(true);
    expect(canRun(at(1, 3), at(1, 0))).toBe(true);
    expect(canRun(at(1, 3), at(1, 4))).toBe(false);
    expect(canRun(at(2, 3), at(1, 3))).toBe(false);
    expect(canRun(at(1, 3), at(2, 0))).toBe(false);
  });

  it("of the same name only", () => {
    expect(canRun(at(1, 3, "Other"), at(1, 3))).toBe(false);
    expect(canRun(at(1, 3, "task"), at(1, 3))).toBe(false);
  });
});

describe("texts", () => {
  it("writes a version as it is sent", () => {
    expect(versionText(at(12, 0))).toBe("v12.0");
  });

  it("cuts what it quotes", () => {
    expect(quote("a\nb")).toBe('"a\\nb"');
    expect(quote("x".repeat(65))).toBe(`"${"x".repeat(64)}…"`);
  });
});
