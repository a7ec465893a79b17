import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Results } from "./harness/report.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "taskgrove-bench-test-"));
});

afterEach(() => rm(directory, { recursive: true }));

function start(...args: string[]) {
  return spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
}

it("measures a scenario with real processes, writes every figure, and leaves nothing behind", async () => {
  const json = join(directory, "results.json");
  const databases = join(directory, "databases");
  const bench = start("--quick", "--only", "map-reduce", "--json", json, "--directory", databases);
  expect(await once(bench, "close")).toEqual([0, null]);
  const { figures, failures, quick, machine } = JSON.parse(await readFile(json, "utf8")) as Results;
  expect(failures).toEqual({});
  expect(figures).toEqual({
    map_reduce_1k: { value: expect.any(Number), unit: "ms", target: { atMost: 60 } },
  });
  expect(figures.map_reduce_1k?.value).toBeGreaterThan(0);
  expect({ quick, cores: machine.cores > 0 }).toEqual({ quick: true, cores: true });
  expect(await readdir(databases)).toEqual([]);
});

it("leaves no process and no file behind when it is interrupted", async () => {
  const bench = start("--only", "chain", "--directory", directory);
  // The scenario has begun; its orchestrator is started at once.
  for await (const line of createInterface({ input: bench.stderr })) if (line.includes("chain")) break;
  bench.kill("SIGINT");
  expect(await once(bench, "close")).toEqual([130, null]);
  expect(await readdir(directory)).toEqual([]);
});

it("says what is wrong with its options", async () => {
  const bench = start("--runners", "none");
  const lines: string[] = [];
  for await (const line of createInterface({ input: bench.stderr })) lines.push(line);
  expect(lines).toEqual([
    "bench: --runners must be a whole number from 1 to 16, not none",
    "--help lists all options.",
  ]);
});
