import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { MongoClient } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeWithOwnMongo } from "./describe-with-mongo.ts";
import { type MongoServer, startMongoServer } from "./start-server.ts";

const FINDER = new URL("./find-server.ts", import.meta.url).href;
const STARTER = new URL("./start-server.ts", import.meta.url).href;

async function connect(uri: string): Promise<MongoClient> {
  return await new MongoClient(uri, { writeConcern: { w: "majority" } }).connect();
}

function ping(server: MongoServer, timeoutMS: number): Promise<unknown> {
  const client = new MongoClient(server.uri, { serverSelectionTimeoutMS: timeoutMS, socketTimeoutMS: timeoutMS });
  return client
    .db("admin")
    .command({ ping: 1 })
    .finally(() => client.close());
}

let folder: string;
let child: ChildProcess | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "taskgrove-test-"));
});

afterEach(() => {
  child?.kill("SIGKILL");
  child = null;
  rmSync(folder, { recursive: true });
});

describeWithOwnMongo("a MongoDB server of our own", (start) => {
  it("takes transactions, and says which server it is", async () => {
    const lines: string[] = [];
    await using server = await start({ log: (line) => lines.push(line) });
    await using client = await connect(server.uri);
    const notes = client.db("test").collection("notes");
    await client.withSession((session) =>
      session.withTransaction(async () => {
        await notes.insertOne({ text: "one" }, { session });
        await notes.insertOne({ text: "two" }, { session });
      }),
    );
    expect(await notes.countDocuments()).toBe(2);
    expect(lines).toEqual([`MongoDB: ${server.description}`]);
  });

  it("keeps what it acknowledged when it is killed again and again, and starts again at the same port", async () => {
    await using server = await start();
    await using client = await connect(server.uri);
    const notes = client.db("test").collection<{ _id: number }>("notes");
    const acknowledged: number[] = [];
    for (let round = 1; round <= 3; round++) {
      const { pid } = server;
      const killAt = acknowledged.length + 50;
      const write = async (_: unknown, at: number) => {
        await notes.insertOne({ _id: round * 1_000 + at });
        if (acknowledged.push(round * 1_000 + at) === killAt) server.kill("SIGKILL");
      };
      const written = Promise.allSettled(Array.from({ length: 200 }, write));
      await expect.poll(() => server.pid, { timeout: 20_000 }).toBeNull();
      expect(await server.restart()).toBe(true);
      await written;
      expect(server.pid).not.toBe(pid);
      const found = await notes.find({ _id: { $in: acknowledged } }).toArray();
      expect(found).toHaveLength(acknowledged.length);
    }
  });

  it("answers nothing while it is stopped by a signal, and goes on afterwards", async () => {
    await using server = await start();
    expect(server.kill("SIGSTOP")).toBe(true);
    await expect(ping(server, 300)).rejects.toThrow();
    expect(server.kill("SIGCONT")).toBe(true);
    await expect(ping(server, 10_000)).resolves.toMatchObject({ ok: 1 });
  });

  it("starts again although it was stopped by a signal", async () => {
    await using server = await start();
    server.kill("SIGSTOP");
    await server.nodes[0]?.restart();
    await expect(ping(server, 10_000)).resolves.toMatchObject({ ok: 1 });
  });

  it("is gone once it is stopped", async () => {
    const server = await start();
    await server.stop();
    expect(server.pid).toBeNull();
    expect(server.kill("SIGCONT")).toBe(false);
    await expect(ping(server, 300)).rejects.toThrow();
  });

  it("ends, and its folder with it, when the process that started it is killed", async () => {
    const script = `import { startMongoServer } from ${JSON.stringify(STARTER)};
      import { findProgram } from ${JSON.stringify(FINDER)};
      const server = await startMongoServer({ server: findProgram(), log: () => {} });
      console.log(server.port);
      setInterval(() => {}, 1000);`;
    child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, TMPDIR: folder },
    });
    const [port] = await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), "line");
    const socket = connectSocket(Number(port), "127.0.0.1").on("error", () => {});
    await once(socket, "connect");
    expect(readdirSync(folder)).toHaveLength(1);
    child.kill("SIGKILL");
    await new Promise((resolve) => socket.resume().once("close", resolve));
    await expect.poll(() => readdirSync(folder), { timeout: 20_000 }).toEqual([]);
  });
});

describe("a MongoDB server", () => {
  it("is a value when there is none", async () => {
    expect(await startMongoServer({ server: null })).toMatchObject({
      kind: "none",
      reason: "none_found",
      message: expect.stringContaining("npm run mongodb:install"),
    });
  });

  it("has three nodes only with a real mongod", async () => {
    const answer = await startMongoServer({ nodes: 3, server: { kind: "secantus-rs", path: "/nowhere" } });
    expect(answer).toMatchObject({ kind: "none", reason: "needs_mongod" });
  });

  it("is left alone when it is external, and its credentials are not said", async () => {
    const lines: string[] = [];
    const uri = "mongodb://user:secret@db.example:29000,db2.example/?replicaSet=rs";
    const server = await startMongoServer({ server: { kind: "external", uri }, log: (line) => lines.push(line) });
    expect(server).toMatchObject({ kind: "external", uri, host: "db.example", port: 29_000, pid: null });
    expect(lines).toEqual(["MongoDB: the server of MONGODB_URI (db.example:29000, db2.example:27017)"]);
    if (server.kind === "none") throw new Error(server.message);
    expect(server.kill("SIGKILL")).toBe(false);
    expect(await server.restart()).toBe(false);
  });

  it("that ends while it starts is an error with what it said, and leaves nothing behind", async () => {
    const broken = join(folder, "secantusd-rs");
    writeFileSync(broken, "#!/bin/sh\necho the disk is full\nexit 3\n");
    chmodSync(broken, 0o755);
    await expect(startMongoServer({ server: { kind: "secantus-rs", path: broken } })).rejects.toThrow(
      /ended while it started \(exit code 3\); its log ends with\nthe disk is full$/,
    );
  });

  it("that cannot be run at all is an error too", async () => {
    const missing = join(folder, "secantusd-rs");
    await expect(startMongoServer({ server: { kind: "secantus-rs", path: missing } })).rejects.toThrow(
      /ended .*ENOENT/,
    );
  });
});
