import { describe, expect, it } from "vitest";
import { replaceProgress } from "./progress.ts";

const bar = (label: string, total: number, done: number) => ({ label, total, done });

describe("a job's progress", () => {
  it("replaces what a task said before by what it says now", () => {
    const first = replaceProgress([], [], [bar("b", 5, 1), bar("a", 2, 0)]);
    expect(first).toEqual([bar("a", 2, 0), bar("b", 5, 1)]);
    const second = replaceProgress(first, [bar("b", 5, 1), bar("a", 2, 0)], [bar("b", 5, 4)]);
    expect(second).toEqual([bar("b", 5, 4)]);
  });

  it("adds up over tasks", () => {
    const one = replaceProgress([], [], [bar("", 3, 1)]);
    expect(replaceProgress(one, [], [bar("", 4, 4)])).toEqual([bar("", 7, 5)]);
  });

  it("is the same object when nothing is reported", () => {
    const sums = [bar("", 3, 1)];
    expect(replaceProgress(sums, [], [])).toBe(sums);
  });
});
