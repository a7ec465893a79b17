import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { MongoClient } from "mongodb";
import { afterEach, beforeEach, expect, it } from "vitest";
import { describeWithMongo } from "../scripts/mongodb/describe-with-mongo.ts";
import type { Results } from "./harness/report.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "taskgrove-bench-test-"));
});

afterEach(() => rm(directory, { recursive: true }));

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return spawn(process.execPath, [MAIN, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
}

it("measures a scenario with real processes, writes every figure, and leaves nothing behind", async () => {
  const json = join(directory, "results.json");
  const databases = join(directory, "databases");
  const bench = start(["--quick", "--only", "map-reduce", "--json", json, "--directory", databases]);
  expect(await once(bench, "close")).toEqual([0, null]);
  const { figures, failures, quick, machine, store } = JSON.parse(await readFile(json, "utf8")) as Results;
  expect(failures).toEqual({});
  expect(figures).toEqual({
    map_reduce_1k: { value: expect.any(Number), unit: "ms", target: { atMost: 60 } },
    map_reduce_1k_commits: { value: expect.any(Number), unit: "commits/1k tasks" },
  });
  expect(store).toEqual({ kind: "sqlite", description: "SQLite, synchronous=FULL", note: "" });
  expect(figures.map_reduce_1k?.value).toBeGreaterThan(0);
  expect({ quick, cores: machine.cores > 0 }).toEqual({ quick: true, cores: true });
  expect(await readdir(databases)).toEqual([]);
});

describeWithMongo("on MongoDB", (uri) => {
  it("measures on databases of its own, counts what it asks of the server, and drops the databases", async () => {
    await using client = await MongoClient.connect(uri);
    const databases = async () => (await client.db().admin().listDatabases({ nameOnly: true })).databases.length;
    const before = await databases();
    const json = join(directory, "results.json");
    const args = ["--quick", "--store", "mongodb", "--only", "map-reduce", "--only", "batch", "--json", json];
    const bench = start(args, { MONGODB_URI: uri });
    expect(await once(bench, "close")).toEqual([0, null]);
    const { figures, failures, store } = JSON.parse(await readFile(json, "utf8")) as Results;
    expect(failures).toEqual({});
    expect(store.description).toContain("MONGODB_URI");
    const [size] = Object.keys(figures).filter((name) => /^map_reduce_\w+$/.test(name));
    expect(figures[`${size}_round_trips`]).toEqual({
      value: expect.any(Number),
      unit: "round trips/1k tasks",
    });
    expect(figures.batch_a_flat_fan_out?.target).toEqual({ atMost: 12 });
    expect(await databases()).toBe(before);
  });
});

it("leaves no process and no file behind when it is interrupted", async () => {
  const bench = start(["--only", "chain", "--directory", directory]);
  // The scenario has begun; its orchestrator is started at once.
  for await (const line of createInterface({ input: bench.stderr })) if (line.includes("chain")) break;
  bench.kill("SIGINT");
  expect(await once(bench, "close")).toEqual([130, null]);
  expect(await readdir(directory)).toEqual([]);
});

it("says what is wrong with its options", async () => {
  const bench = start(["--runners", "none"]);
  const lines: string[] = [];
  for await (const line of createInterface({ input: bench.stderr })) lines.push(line);
  expect(lines).toEqual([
    "bench: --runners must be a whole number from 1 to 16, not none",
    "--help lists all options.",
  ]);
});
