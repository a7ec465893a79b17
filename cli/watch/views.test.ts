import type { Job, JobUpdate, TaskChange } from "taskgrove";
import { describe, expect, it } from "vitest";
import { plainStyle } from "../format/style.ts";
import { added, aJob, moved, submittedAt } from "../testing/samples.ts";
import { Screen } from "../testing/screen.ts";
import { createLineView } from "./line-view.ts";
import { JobModel } from "./model.ts";
import { createTerminalView } from "./terminal-view.ts";

const update = (tasks: readonly TaskChange[], job?: Job): JobUpdate => ({ resumeToken: "", job, tasks });
const failure = {
  reason: "RangeError",
  message: "too far",
  details: "RangeError: too far\n    at execute (tile.ts:3:1)",
};
const failedJob = aJob({
  state: "FAILED",
  endedAt: new Date(submittedAt + 3_200),
  taskCounts: { queued: 1, running: 0, computed: 1, completed: 0, failed: 1, failedOptional: 0, skipped: 0 },
  error: failure,
  failedTaskId: "a",
});
const outcome = [
  "✗ world map failed after 3.2s",
  "  3 tasks: 1 computed, 1 queued, 1 failed; 1 attempt was retried",
  "  RangeError: too far",
  "  in task tile a",
  "    RangeError: too far",
  "        at execute (tile.ts:3:1)",
  "  To go on from where it stopped: taskgrove job retry JOB1",
];
const beginning = [
  added("r", undefined, "Root", { state: "RUNNING" }),
  moved("r", "COMPUTED"),
  added("a", "r", "Tile", { display: "tile" }),
  added("m", "r", "Merge"),
];

describe("the view for pipes", () => {
  function linesOf() {
    let now = submittedAt;
    const written: string[] = [];
    const view = createLineView(
      new JobModel(aJob({ state: "SUBMITTED" })),
      { write: (text) => written.push(text) },
      () => now,
    );
    const take = () =>
      written
        .splice(0)
        .join("")
        .replaceAll(/^\d\d:\d\d:\d\d {2}/gm, "");
    return { view, take, pass: (ms: number) => (now += ms) };
  }

  it("tells the first start at once, then progress at most every second, failures at once, and the outcome", () => {
    const { view, take, pass } = linesOf();
    view.tick();
    expect(take()).toBe("submitted  0/0 tasks\n");
    view.update(update(beginning, aJob()));
    expect(take()).toBe("running  1/3 tasks  1 computed, 2 queued\n");
    pass(900);
    view.update(update([moved("a", "RUNNING")], aJob({ progress: [{ label: "", done: 1, total: 4 }] })));
    view.tick();
    expect(take()).toBe("");
    pass(100);
    view.tick();
    expect(take()).toBe("running  1/3 tasks  1 computed, 1 running, 1 queued  progress 1/4\n");
    pass(5_000);
    view.tick();
    expect(take()).toBe("");
    view.update(
      update(
        [moved("a", "QUEUED", { error: failure }), moved("a", "FAILED", { attempt: 2, error: failure })],
        failedJob,
      ),
    );
    expect(take()).toBe(
      "attempt 1 of tile will be retried: RangeError: too far\nattempt 2 of tile failed for good: RangeError: too far\n",
    );
    view.end(failedJob);
    expect(take()).toBe(`${outcome.join("\n")}\n`);
  });
});

describe("the view for terminals", () => {
  it("draws at ticks only, and leaves the tree and the outcome in place of the last frame", () => {
    const screen = new Screen(80, 24);
    const view = createTerminalView(new JobModel(aJob()), screen, plainStyle, () => submittedAt + 1_000);
    view.update(update(beginning));
    expect(screen.writes).toBe(0);
    view.tick();
    expect(screen.text()).toContain("● world map  running  1.0s  JOB1");
    view.update(
      update(
        [moved("a", "QUEUED", { error: failure }), moved("a", "FAILED", { attempt: 2, error: failure })],
        failedJob,
      ),
    );
    view.end(failedJob);
    const [bar, ...rest] = screen.text().split("\n");
    expect(bar).toMatch(/^ {2}tasks/);
    expect(rest.slice(0, 5)).toEqual([
      "",
      "◐ Root                                   ━━━━╌╌╌╌╌╌╌╌ 1/3  ✗ 1",
      "├ ✗ tile  Tile                           attempt 2  too far",
      "└ ○ Merge",
      "",
    ]);
    expect(rest.slice(5)).toEqual(outcome);
    expect(screen.cursorVisible).toBe(true);
  });

  it("gives the cursor back when it is stopped", () => {
    const screen = new Screen(80, 24);
    const view = createTerminalView(new JobModel(aJob()), screen, plainStyle, () => submittedAt);
    view.tick();
    expect(screen.cursorVisible).toBe(false);
    view.stop();
    expect(screen.cursorVisible).toBe(true);
  });
});
