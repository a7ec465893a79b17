import type { TaskChange } from "taskgrove";
import { describe, expect, it } from "vitest";
import { plainStyle } from "../format/style.ts";
import { textWidth } from "../format/text.ts";
import { added, aJob, moved, submittedAt } from "../testing/samples.ts";
import { renderFrame } from "./frame.ts";
import { JobModel } from "./model.ts";

function frameOf(model: JobModel, rows: number, columns = 72): string {
  const lines = renderFrame(model, { columns, rows, now: submittedAt + 12_400, style: plainStyle });
  expect(lines.length).toBeLessThanOrEqual(rows);
  for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(columns);
  return lines.map((line) => line.trimEnd()).join("\n");
}

function modelOf(changes: readonly TaskChange[], job = aJob()): JobModel {
  const model = new JobModel(job);
  model.apply({ resumeToken: "", job: undefined, tasks: changes });
  return model;
}

/** Two quarters of a map: one done, one with something running in it. */
const map = [
  added("r", undefined, "example.com/Map", { display: "Map 0/0/0", state: "COMPUTED" }),
  added("a", "r", "example.com/Tile", { display: "north", state: "COMPLETED" }),
  added("a1", "a", "example.com/Leaf", { state: "COMPLETED" }),
  added("a2", "a", "example.com/Leaf", { state: "COMPLETED" }),
  added("b", "r", "example.com/Tile", { display: "south", state: "COMPUTED" }),
  added("b1", "b", "example.com/Leaf", { state: "COMPLETED" }),
  added("b2", "b", "example.com/Leaf"),
  moved("b2", "RUNNING", { attempt: 2 }),
  added("m", "r", "example.com/Merge", { group: 1 }),
];

describe("renderFrame", () => {
  it("draws a small job as the whole tree", () => {
    const job = aJob({ progress: [{ label: "leaves", done: 3, total: 4 }] });
    expect(frameOf(modelOf(map, job), 24)).toBe(
      [
        "● world map  running  12.4s  JOB1",
        "  tasks   ━━━━━━━━━━━━━━━━━━━━━━━━╌╌╌╌╌╌╌╌  6/8  ● 1  ○ 1",
        "  leaves  ━━━━━━━━━━━━━━━━━━━━━━━━╌╌╌╌╌╌╌╌  3/4",
        "",
        "◐ Map 0/0/0  Map                      ━━━━━━━━━╌╌╌ 6/8  ● 1",
        "├ ✓ north  Tile                       ━━━━━━━━━━━━ 3/3",
        "│ ├ ✓ Leaf",
        "│ └ ✓ Leaf",
        "├ ◐ south  Tile                       ━━━━━━━━╌╌╌╌ 2/3  ● 1",
        "│ ├ ✓ Leaf",
        "│ └ ● Leaf                            attempt 2",
        "└ ○ Merge",
      ].join("\n"),
    );
  });

  it("on fewer lines opens what runs and leaves closed what is done", () => {
    expect(frameOf(modelOf(map), 6)).toBe(
      [
        "● world map  running  12.4s  JOB1",
        "  tasks  ━━━━━━━━━━━━━━━━━━━━━━━━╌╌╌╌╌╌╌╌  6/8  ● 1  ○ 1",
        "",
        "◐ Map 0/0/0  Map                      ━━━━━━━━━╌╌╌ 6/8  ● 1",
        "├ ● Tile × 2                          ━━━━━━━━━━╌╌ 5/6  ● 1",
        "└ ○ Merge",
      ].join("\n"),
    );
    expect(frameOf(modelOf(map), 8)).toContain(
      [
        "├ ✓ north  Tile                       ━━━━━━━━━━━━ 3/3",
        "├ ◐ south  Tile                       ━━━━━━━━╌╌╌╌ 2/3  ● 1",
        "│ └ ● Leaf × 2                        ━━━━━━╌╌╌╌╌╌ 1/2  ● 1",
        "└ ○ Merge",
      ].join("\n"),
    );
  });

  it("draws many siblings as one line with their counts", () => {
    const leaves = Array.from({ length: 1_000 }, (_, index) =>
      added(`l${index}`, "r", "Leaf", { state: index < 412 ? "COMPLETED" : index < 420 ? "RUNNING" : "QUEUED" }),
    );
    const model = modelOf([added("r", undefined, "Root", { state: "COMPUTED" }), ...leaves, added("s", "r", "Sum")]);
    expect(frameOf(model, 24)).toBe(
      [
        "● world map  running  12.4s  JOB1",
        "  tasks  ━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  413/1,002  ● 8  ○ 581",
        "",
        "◐ Root                                ━━━━╌╌╌╌╌╌╌╌ 413/1,002  ● 8",
        "├ ● Leaf × 1,000                      ━━━━╌╌╌╌╌╌╌╌ 412/1,000  ● 8",
        "└ ○ Sum",
      ].join("\n"),
    );
  });

  it("draws a long chain as one line", () => {
    const chain = Array.from({ length: 5_000 }, (_, index) =>
      added(`t${index}`, index === 0 ? undefined : `t${index - 1}`, "Step", {
        state: index === 4_999 ? "RUNNING" : "COMPUTED",
      }),
    );
    expect(frameOf(modelOf(chain), 24)).toContain(
      "● Step × 5,000 on 5,000 levels        ━━━━━━━━━━━╌ 4,999/5,000  ● 1",
    );
  });

  it("opens what has failed first and says why", () => {
    const error = { reason: "Error", message: "no such\nfile", details: "" };
    const model = modelOf([...map, moved("a2", "FAILED", { attempt: 3, error })], aJob({ state: "FAILED" }));
    expect(frameOf(model, 12)).toBe(
      [
        "✗ world map  failed  12.4s  JOB1",
        "  tasks  ━━━━━━━━━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌  5/8  ● 1  ○ 1  ✗ 1",
        "",
        "◐ Map 0/0/0  Map                      ━━━━━━━╌╌╌╌╌ 5/8  ● 1  ✗ 1",
        "├ ✓ north  Tile                       ━━━━━━━━╌╌╌╌ 2/3  ✗ 1",
        "│ ├ ✓ Leaf",
        "│ └ ✗ Leaf                            attempt 3  no such file",
        "├ ◐ south  Tile                       ━━━━━━━━╌╌╌╌ 2/3  ● 1",
        "│ └ ● Leaf × 2                        ━━━━━━╌╌╌╌╌╌ 1/2  ● 1",
        "└ ○ Merge",
        "",
        "last failure: Leaf, attempt 3: Error: no such file",
      ].join("\n"),
    );
  });

  it("counts root tasks and labels that do not fit", () => {
    const roots = Array.from({ length: 20 }, (_, index) => added(`r${index}`, undefined, `Kind${index}`));
    const progress = Array.from({ length: 9 }, (_, index) => ({ label: `label ${index}`, done: 1, total: 2 }));
    const frame = frameOf(modelOf(roots, aJob({ progress })), 12);
    expect(frame).toContain("  … 8 more progress labels");
    expect(frame).toMatch(/… \d+ more/);
    expect(frame).toContain("○ Kind0");
  });

  it("tells how to find out when nothing starts", () => {
    expect(frameOf(modelOf([added("r", undefined, "Lost")], aJob({ state: "SUBMITTED" })), 24, 100)).toContain(
      "Nothing has started yet. Is there a runner for it? taskgrove job tree JOB1 says why it waits.",
    );
  });

  it.each([1, 2, 3, 5, 8])("fits a terminal of %i lines", (rows) => {
    const progress = [{ label: "世界 and a very long label indeed", done: 1, total: 3 }];
    expect(frameOf(modelOf(map, aJob({ progress, name: "n".repeat(200) })), rows, 40)).toContain("running");
  });

  it("does not cost more for a job of 100,000 tasks in a deep and wide tree", () => {
    const tasks = Array.from({ length: 100_000 }, (_, index) =>
      added(`t${index}`, index === 0 ? undefined : `t${(index - 1) >> 1}`, "Split", {
        state: index % 7 === 0 ? "RUNNING" : "QUEUED",
      }),
    );
    const model = modelOf(tasks);
    const started = performance.now();
    for (let frame = 0; frame < 100; frame++) frameOf(model, 40);
    // A walk over all tasks takes several milliseconds a frame; drawing what is seen takes a fraction of one.
    expect((performance.now() - started) / 100).toBeLessThan(5);
  });
});
