import { describe, expect, it } from "vitest";
import { formatBar } from "./bar.ts";
import { createStyle, plainStyle, wantsColor } from "./style.ts";
import { formatFields, formatTable } from "./table.ts";
import { formatAgo, formatCountOf, formatDuration } from "./values.ts";

describe("formatDuration", () => {
  it.each([
    [-5, "0ms"],
    [850, "850ms"],
    [12_440, "12.4s"],
    [59_990, "1m 00s"],
    [200_000, "3m 20s"],
    [7_500_000, "2h 05m"],
    [273_600_000, "3d 4h"],
  ])("of %i ms is %s", (ms, text) => expect(formatDuration(ms)).toBe(text));
});

describe("formatAgo", () => {
  it.each([
    [0, "just now"],
    [12_000, "12s ago"],
    [180_000, "3m ago"],
    [5 * 3_600_000, "5h ago"],
    [2 * 86_400_000, "2d ago"],
  ])("%i ms before now is %s", (ms, text) => expect(formatAgo(new Date(1e12 - ms), 1e12)).toBe(text));
});

describe("formatCountOf", () => {
  it("knows one from many", () => {
    expect(formatCountOf(1, "task")).toBe("1 task");
    expect(formatCountOf(12_345, "task")).toBe("12,345 tasks");
  });
});

describe("formatBar", () => {
  it("is full only when all is done and empty only when nothing is", () => {
    expect(formatBar(0, 1_000, 5, plainStyle)).toBe("╌╌╌╌╌");
    expect(formatBar(1, 1_000, 5, plainStyle)).toBe("━╌╌╌╌");
    expect(formatBar(999, 1_000, 5, plainStyle)).toBe("━━━━╌");
    expect(formatBar(1_000, 1_000, 5, plainStyle)).toBe("━━━━━");
    expect(formatBar(0, 0, 5, plainStyle)).toBe("╌╌╌╌╌");
  });
});

describe("formatTable", () => {
  const columns = [
    { title: "NAME", value: (row: { name: string }) => row.name },
    { title: "N", align: "right" as const, value: (row: { name: string; n: number }) => String(row.n) },
    { title: "NOTE", value: () => "" },
  ];

  it("aligns by what is seen, without trailing spaces", () => {
    const rows = [
      { name: "世界", n: 5 },
      { name: createStyle(true)("red", "b"), n: 1_000 },
    ];
    expect(formatTable(columns, rows)).toEqual(["NAME     N  NOTE", "世界     5", "\u001b[31mb\u001b[39m     1000"]);
  });
});

describe("formatFields", () => {
  it("leaves out what has no value", () => {
    expect(
      formatFields([
        ["id", "7"],
        ["error", undefined],
        ["name", ""],
        ["state", "ok"],
      ]),
    ).toEqual(["id     7", "state  ok"]);
  });
});

describe("wantsColor", () => {
  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: "1" }, false],
    [true, { NO_COLOR: "" }, true],
    [true, { TERM: "dumb" }, false],
    [false, { FORCE_COLOR: "1" }, true],
    [true, { FORCE_COLOR: "0" }, false],
    [true, { NO_COLOR: "1", FORCE_COLOR: "1" }, false],
  ])("on a terminal %s with %o: %s", (isTTY, env, wanted) => expect(wantsColor({ isTTY }, env)).toBe(wanted));
});
