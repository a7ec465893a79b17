import { spawnSync } from "node:child_process";
import { mkdtempDisposableSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

function run(args: readonly string[], temporaryFolder = tmpdir()) {
  return spawnSync(process.execPath, [MAIN, ...args], {
    encoding: "utf8",
    env: { ...process.env, TMPDIR: temporaryFolder },
  });
}

describe("the command", () => {
  it("explains itself", () => {
    const { status, stdout } = run(["--help"]);
    expect(status).toBe(0);
    expect(stdout).toContain("Usage: npm run faults");
  });

  it("refuses what is not valid, in sentences", () => {
    const { status, stdout, stderr } = run(["--store", "paper", "--seconds", "many"]);
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr.split("\n")).toEqual([
      'faults: --store must be one of mongodb, sqlite, not "paper"',
      'faults: --seconds must be a whole number from 1 to 1000000, not "many"',
      "--help lists all options.",
      "",
    ]);
  });

  it("finds nothing wrong in a short run, and leaves nothing behind", () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), "taskgrove-test-"));
    const { status, stdout, stderr } = run(["--seconds", "3", "--seed", "1", "--jobs", "6"], folder.path);
    expect(readdirSync(folder.path).filter((name) => name.startsWith("taskgrove"))).toEqual([]);
    expect(stderr).toMatch(/seed 1/);
    expect(stdout).toContain("verdict: good");
    expect(stdout).not.toContain("logs and histories");
    expect(status).toBe(0);
  }, 180_000);
});
