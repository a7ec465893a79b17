import { expect, it } from "vitest";
import { formatFigure, formatHead, formatOrigin } from "./report.ts";

it("lines values, units and targets up under their heads", () => {
  const lines = [
    formatHead(),
    formatFigure({ name: "fan_out_10k", value: 25_175.6, unit: "tasks/s", target: { atLeast: 20_000 } }),
    formatFigure({ name: "map_reduce_1k", value: 61.26, unit: "ms", target: { atMost: 60 } }),
    formatFigure({ name: "latency", value: 0.08333, unit: "ms" }),
  ];
  expect(lines.map((line) => line.replace(/ +/g, " "))).toEqual([
    "figure value unit target",
    "fan_out_10k 25,176 tasks/s ≥ 20,000 reached",
    "map_reduce_1k 61.3 ms ≤ 60 missed",
    "latency 0.083 ms",
  ]);
  const end = (line: string | undefined, value: string) => (line ?? "").indexOf(value) + value.length;
  expect(end(lines[1], "25,176")).toBe(end(lines[0], "value"));
  expect(end(lines[2], "≤ 60")).toBe(end(lines[0], "target"));
});

it("says where figures come from, and warns when durability cost nothing", () => {
  const machine = {
    date: "2026-01-02T03:04:05.678Z",
    commit: "",
    cpu: "Some CPU",
    cores: 2,
    memoryGiB: 24,
    system: "linux 6 x64",
    node: "v24",
    loadBefore: 0.9,
    fdatasyncMs: 0.256,
    isInMemory: false,
  };
  const store = { kind: "sqlite", description: "Some store", note: "" } as const;
  expect(formatOrigin({ machine, store })).toBe(
    "Some CPU, 2 cores, 24 GiB, linux 6 x64, Node v24, fdatasync 0.26 ms\n" +
      "2026-01-02T03:04:05.678Z, commit unknown\nSome store",
  );
  expect(formatOrigin({ machine: { ...machine, isInMemory: true }, store })).toContain("durability costs nothing");
  expect(formatOrigin({ machine, store: { ...store, note: "A stand-in." } })).toMatch(/Some store\nA stand-in\.$/);
  const busy = formatOrigin({ machine: { ...machine, loadBefore: 1.1 }, store });
  expect(busy).toContain("Other programs keep the machine busy (load 1.1)");
});
