import { describe, expect, it } from "vitest";
import { elapsed, Progress } from "./progress.ts";

function screen(isTTY: boolean) {
  const text: string[] = [];
  return { isTTY, text, write: (written: string) => text.push(written) };
}

describe("Progress", () => {
  it("changes the one line of a terminal", () => {
    let now = 0;
    const terminal = screen(true);
    const progress = new Progress(terminal, "mongod", () => now);
    progress.show("compiling a");
    now = 61_000;
    progress.refresh();
    progress.clear();
    const start = "\r\u001b[2K";
    expect(terminal.text).toEqual([
      `${start}mongod: 0 s, compiling a`,
      `${start}mongod: 1 min 01 s, compiling a`,
      start,
    ]);
  });

  it("writes a line to a log twice a minute, however often something happens", () => {
    let now = 0;
    const log = screen(false);
    const progress = new Progress(log, "mongod", () => now);
    for (now = 0; now <= 90_000; now += 500) progress.show(`step ${now}`);
    progress.clear();
    expect(log.text).toEqual([
      "mongod: 30 s, step 30000\n",
      "mongod: 1 min 00 s, step 60000\n",
      "mongod: 1 min 30 s, step 90000\n",
    ]);
  });
});

describe("elapsed", () => {
  it.each([
    [999, "0 s"],
    [59_999, "59 s"],
    [60_000, "1 min 00 s"],
    [427_000, "7 min 07 s"],
  ])("%d ms is %s", (ms, text) => {
    expect(elapsed(ms)).toBe(text);
  });
});
