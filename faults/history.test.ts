import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HistoryFile, readHistory } from "./history.ts";

describe("a history file", () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "taskgrove-history-"));
    path = join(folder, "history.ndjson");
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it("is there at once, and is read from where it was left", () => {
    const file = new HistoryFile<{ readonly text: string }>(path);
    file.append({ text: "ä" });
    const first = readHistory(path);
    expect(first.entries).toEqual([{ text: "ä" }]);
    file.append({ text: "b" });
    const second = readHistory(path, first.end);
    expect(second.entries).toEqual([{ text: "b" }]);
    expect(readHistory(path, second.end)).toEqual({ entries: [], end: second.end });
  });

  it("leaves a line alone that is not finished", () => {
    appendFileSync(path, '{"text":"a"}\n{"te');
    const { entries, end } = readHistory(path);
    expect(entries).toEqual([{ text: "a" }]);
    appendFileSync(path, 'xt":"b"}\n');
    expect(readHistory(path, end).entries).toEqual([{ text: "b" }]);
  });

  it("is empty when the process never came to write it", () => {
    expect(readHistory(join(folder, "missing"))).toEqual({ entries: [], end: 0 });
  });
});
