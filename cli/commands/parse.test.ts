import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { UsageError } from "../exit-codes.ts";
import { loadInput, parseDuration, parseJobStates, parseTaskIdentifier, parseTime } from "./parse.ts";

async function* stdin(...chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

describe("parseTaskIdentifier", () => {
  it("takes a name and a version, or a name alone", () => {
    expect(parseTaskIdentifier("example.com/MyTask@v1.0")).toEqual(["example.com/MyTask", "v1.0"]);
    expect(parseTaskIdentifier("MyTask")).toEqual(["MyTask", "v0.0"]);
    expect(parseTaskIdentifier("me@example.com/MyTask@v2.13")).toEqual(["me@example.com/MyTask", "v2.13"]);
  });

  it.each(["", "@v1.0", "A@", "A@1.0", "A@v1", "A@v1.0.0"])("refuses %j", (text) => {
    expect(() => parseTaskIdentifier(text)).toThrow("name and a version");
  });
});

describe("loadInput", () => {
  it("takes JSON, standard input or nothing", async () => {
    expect(await loadInput('{"a":1}', false, stdin())).toEqual({ a: 1 });
    expect(await loadInput("-", false, stdin("[1,", "2]"))).toEqual([1, 2]);
    expect(await loadInput(undefined, false, stdin())).toBeUndefined();
  });

  it("takes a file, and says which one cannot be had", async () => {
    const folder = await mkdtemp(join(tmpdir(), "taskgrove-input-"));
    try {
      await writeFile(join(folder, "in.json"), '"text"');
      expect(await loadInput(`@${folder}/in.json`, false, stdin())).toBe("text");
      await expect(loadInput(`@${folder}/none.json`, false, stdin())).rejects.toThrow(
        `cannot read the input from ${folder}/none.json: there is no such file`,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("sends raw bytes as they are, and refuses what is no JSON otherwise", async () => {
    expect(await loadInput("-", true, stdin("{not", " json"))).toEqual(Buffer.from("{not json"));
    await expect(loadInput("{not json", false, stdin())).rejects.toThrow(UsageError);
    await expect(loadInput("{not json", false, stdin())).rejects.toThrow("the input is not valid JSON");
  });
});

describe("times, durations and states", () => {
  it("reads how long ago and points in time", () => {
    const parse = parseTime(() => 1_000_000_000);
    expect(parse("2m").getTime()).toBe(1_000_000_000 - 120_000);
    expect(parse("2026-11-24T10:00:00Z").toISOString()).toBe("2026-11-24T10:00:00.000Z");
    expect(() => parse("yesterday")).toThrow("must be a time");
  });

  it("reads durations with a unit only", () => {
    expect(parseDuration("500ms")).toBe(500);
    expect(parseDuration("1.5h")).toBe(5_400_000);
    expect(() => parseDuration("30")).toThrow("with a unit");
  });

  it("reads states in any case, several times", () => {
    expect(parseJobStates("failed,Canceled", ["RUNNING"])).toEqual(["RUNNING", "FAILED", "CANCELED"]);
    expect(() => parseJobStates("done")).toThrow("one of submitted, running");
  });
});
