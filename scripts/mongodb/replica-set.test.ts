import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type MongoServer, startMongoServer } from "./start-server.ts";

const STAND_IN = join(import.meta.dirname, "stand-in-mongod.ts");

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "taskgrove-test-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

async function start(nodes: 1 | 3): Promise<MongoServer> {
  const path = join(folder, "mongod");
  writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" "${STAND_IN}" "$@"\n`, { mode: 0o755 });
  const server = await startMongoServer({ nodes, server: { kind: "mongod", path }, log: () => {} });
  if (server.kind === "none") throw new Error(server.message);
  return server;
}

async function hello(uri: string) {
  await using client = new MongoClient(uri, { serverSelectionTimeoutMS: 5_000 });
  return await client.db("admin").command({ hello: 1 });
}

describe("a replica set of mongod processes", () => {
  it("is initiated, and has a primary that takes writes once it is started", async () => {
    await using server = await start(1);
    expect(server.uri).toBe(`mongodb://127.0.0.1:${server.port}/?replicaSet=taskgrove`);
    expect(await hello(server.uri)).toMatchObject({ isWritablePrimary: true, hosts: [`127.0.0.1:${server.port}`] });
  });

  it("starts again as the set that it was", async () => {
    await using server = await start(1);
    expect(server.kill("SIGKILL")).toBe(true);
    expect(await server.restart()).toBe(true);
    expect(await hello(server.uri)).toMatchObject({ isWritablePrimary: true });
  });

  it("has three nodes if wanted, which can be killed and started again one by one", async () => {
    await using server = await start(3);
    const hosts = server.nodes.map(({ port }) => `127.0.0.1:${port}`);
    expect(new Set(hosts).size).toBe(3);
    expect(server.uri).toBe(`mongodb://${hosts.join(",")}/?replicaSet=taskgrove`);
    expect(await hello(server.uri)).toMatchObject({ isWritablePrimary: true, hosts });
    const [, second] = server.nodes;
    const pid = second?.pid;
    await second?.restart();
    expect(second?.pid).not.toBe(pid);
    expect(new Set(server.nodes.map((node) => node.pid)).size).toBe(3);
  });
});
