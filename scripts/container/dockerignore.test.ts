import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseDockerignore } from "./dockerignore.ts";

const PROJECT = join(import.meta.dirname, "../..");

it.each([
  { patterns: "docs", ignored: ["docs", "docs/a/b.md"], kept: ["docs.md", "a/docs"] },
  { patterns: "*.log", ignored: ["a.log"], kept: ["a/a.log", "a.logs"] },
  { patterns: "**/*.log", ignored: ["a.log", "x/y/a.log"], kept: ["a.log.ts"] },
  { patterns: "a/**", ignored: ["a/b", "a/b/c"], kept: ["ab", "b/a"] },
  { patterns: "a/*/c", ignored: ["a/b/c", "a/b/c/d"], kept: ["a/c", "a/b/d/c"] },
  {
    patterns: "# a comment\n\n*\n!src\nsrc/*.test.ts",
    ignored: ["x", "src/a.test.ts"],
    kept: ["src/a.ts", "src/b/a.test.ts"],
  },
  { patterns: "*\n!src/a.ts", ignored: ["src/b.ts"], kept: ["src/a.ts"] },
])("$patterns", ({ patterns, ignored, kept }) => {
  const isIgnored = parseDockerignore(patterns);
  expect(ignored.filter((path) => !isIgnored(path))).toEqual([]);
  expect(kept.filter((path) => isIgnored(path))).toEqual([]);
});

it("refuses wildcards that it does not understand", () => {
  expect(() => parseDockerignore("a?")).toThrow("a? is not understood");
});

describe("the file of this project", () => {
  const isIgnored = parseDockerignore(readFileSync(join(PROJECT, ".dockerignore"), "utf8"));

  it("keeps out what is only on somebody's machine, wherever it lies", () => {
    const names = [".env", ".env.production", "node_modules/x/index.js", "dist/index.js", "a.log", "a.db", "a.db-wal"];
    const folders = ["", "services/orchestrator/", "clients/typescript/", "deploy/runner/"];
    const paths = folders.flatMap((folder) => names.map((name) => folder + name));
    expect([".git/config", "secret.txt", "deploy/secret.yaml", ...paths].filter((path) => !isIgnored(path))).toEqual(
      [],
    );
  });

  it("keeps tests out", () => {
    const files = execFileSync("git", ["ls-files"], { cwd: PROJECT, encoding: "utf8" }).split("\n");
    expect(files.filter((path) => !isIgnored(path) && /\.test\.ts$|\bvitest/.test(path))).toEqual([]);
  });
});
