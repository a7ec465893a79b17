import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startFileServer } from "./file-server.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "taskgrove-files-"));
  await writeFile(join(directory, "a.json"), "[1]");
});

afterAll(() => rm(directory, { recursive: true }));

it("serves a file from disk with its type and size", async () => {
  await using server = await startFileServer(directory);
  const response = await fetch(`${server.url}/a.json`);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(response.headers.get("content-length")).toBe("3");
  expect(await response.json()).toEqual([1]);
});

it.each(["/missing.json", "/", "/..%2Ffile-server.ts", "/%2e%2e%2fa.json"])("answers %s with 404", async (path) => {
  await using server = await startFileServer(directory);
  expect((await fetch(server.url + path)).status).toBe(404);
});
