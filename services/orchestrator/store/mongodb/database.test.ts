import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { describe, expect, test } from "vitest";
import { Link } from "../../../../faults/proxy.ts";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import { findProgram, type Program } from "../../../../scripts/mongodb/find-server.ts";
import { freePort } from "../../../../scripts/mongodb/free-port.ts";
import { freshDatabaseName } from "../../../../scripts/mongodb/fresh-database-name.ts";
import { waitUntilListening } from "../../../../scripts/mongodb/wait-until-answering.ts";
import { openSeveralStores } from "../../testing/mongodb/several-stores.ts";
import { portOf, through } from "../../testing/mongodb/through-proxy.ts";
import { aJob } from "../../testing/records.ts";
import { StoreUnavailable } from "../store.ts";
import { openMongoStore } from "./index.ts";
import { COLLECTIONS } from "./rows.ts";
import { SCHEMA_VERSION } from "./schema.ts";

const DATABASE = "taskgrove";
/** A busy machine needs more than half a second to connect. */
const TIMES = "serverSelectionTimeoutMS=2000&connectTimeoutMS=2000&socketTimeoutMS=2000";

/** What somebody is told who tries to open it; fails when it can be opened. */
async function refusal(uri: string, database = DATABASE): Promise<string> {
  const [opened] = await Promise.allSettled([openMongoStore({ uri, database })]);
  if (opened?.status === "rejected") {
    expect(opened.reason).toBeInstanceOf(StoreUnavailable);
    return (opened.reason as Error).message;
  }
  await opened?.value.close();
  throw new Error("it could be opened");
}

describeWithMongo("opening a MongoDB store", (uri) => {
  test("several processes make the schema at the same time", async () => {
    for (let round = 0; round < 3; round++) {
      await using several = await openSeveralStores(uri, 0);
      await Promise.all(Array.from({ length: 4 }, () => several.open()));
      expect(await several.rows.meta.find().toArray()).toEqual([{ _id: "schema", version: SCHEMA_VERSION }]);
      const names = await several.rows.task.indexes();
      const indexes = new Set(names.map(({ name }) => name));
      expect(indexes.size).toBe(names.length);
      expect([...indexes]).toContain("task_ready");
      for (const store of several.stores) await store.transact((tx) => tx.write({ insertJobs: [aJob()] }));
      expect(await several.rows.job.countDocuments()).toBe(4);
    }
  });

  test("one that was broken off goes on where it was", async () => {
    await using several = await openSeveralStores(uri, 1);
    await several.any.close();
    await several.rows.meta.deleteMany({});
    await several.rows.task.dropIndex("task_due");
    await several.open();
    expect((await several.rows.task.indexes()).map(({ name }) => name)).toContain("task_due");
    expect(await several.rows.meta.findOne({})).toEqual({ _id: "schema", version: SCHEMA_VERSION });
  });

  test("a database of a later version is refused, and left as it is", async () => {
    await using several = await openSeveralStores(uri, 1);
    await several.any.close();
    const version = SCHEMA_VERSION + 1;
    await several.rows.meta.updateOne({ _id: "schema" }, { $set: { version } });
    expect(await refusal(uri, several.database)).toBe(
      `the database has schema version ${version}; this orchestrator knows versions up to ${SCHEMA_VERSION}`,
    );
    expect(await several.rows.meta.findOne({})).toEqual({ _id: "schema", version });
  });

  test("a database of another program is refused, and left as it is", async () => {
    await using client = await MongoClient.connect(uri);
    const db = client.db(freshDatabaseName());
    await db.createCollection("invoices");
    expect(await refusal(uri, db.databaseName)).toContain(
      'belongs to another program (it has a collection "invoices")',
    );
    expect((await db.listCollections().toArray()).map(({ name }) => name)).toEqual(["invoices"]);
    await db.dropDatabase();
  });

  test("collections are as many as the code knows", async () => {
    await using several = await openSeveralStores(uri, 1);
    await using client = await MongoClient.connect(uri);
    const found = await client.db(several.database).listCollections({}, { nameOnly: true }).toArray();
    expect(found.map(({ name }) => name).toSorted()).toEqual([...COLLECTIONS].toSorted());
  });

  test("a wrong password is refused with a sentence", async () => {
    const secret = "secret-of-nobody";
    const message = await refusal(through(portOf(uri), `mongodb://nobody:${secret}@127.0.0.1/`, TIMES));
    expect(message).toMatch(/^MongoDB (is not available|cannot be used): .*[Aa]uth/);
    expect(message).not.toContain(secret);
  });

  test("a server that accepts connections and says nothing is refused in time", async () => {
    const link = await Link.open();
    link.setTarget(portOf(uri));
    link.setMode({ kind: "black-hole" });
    const begun = performance.now();
    expect(await refusal(through(link.port, uri, TIMES))).toMatch(/^MongoDB is not available: /);
    expect(performance.now() - begun).toBeLessThan(5_000);
    await link.close();
  });
});

describe("opening a MongoDB store where there is none", () => {
  test("an address at which nobody listens is refused in time, with the address and without the password", async () => {
    const begun = performance.now();
    const message = await refusal(`mongodb://somebody:secret@127.0.0.1:1/?${TIMES}`);
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(message).toMatch(/^MongoDB is not available: .*127\.0\.0\.1:1/);
    expect(message).not.toContain("secret");
  });

  test("a name that does not exist", async () => {
    expect(await refusal(`mongodb://no-such-host.invalid/?${TIMES}`)).toMatch(
      /^MongoDB is not available: .*no-such-host/,
    );
  });

  test("another program at that address", async () => {
    const server = createServer((socket) => socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    expect(await refusal(`mongodb://127.0.0.1:${port}/?${TIMES}`)).toMatch(/^MongoDB is not available: /);
    server.close();
  });

  test.each(["", "localhost:27017", "http://localhost/", "mongodb://", "mongodb://localhost/?w=many&noSuchOption=1"])(
    "a connection string that is none: '%s'",
    async (uri) => {
      expect(await refusal(uri)).toMatch(/^the connection string of MongoDB is not valid: /);
    },
  );

  const program = findProgram(["mongod", "secantus-rs"]);

  test.skipIf(program === null)("a standalone server is refused with what to do", async () => {
    await using server = await startStandalone(program as Program);
    expect(await refusal(`mongodb://127.0.0.1:${server.port}/`)).toBe(
      "MongoDB runs as a standalone server, which has no transactions. Start it as a replica set (one node is enough): " +
        "mongod --replSet rs0, then rs.initiate() once",
    );
  });
});

/** A server that is no replica set, which nothing else in this project needs. */
async function startStandalone({ kind, path }: Program) {
  const folder = mkdtempSync(join(tmpdir(), "taskgrove-standalone-"));
  const port = await freePort();
  const place =
    kind === "mongod" ? ["--dbpath", folder, "--bind_ip"] : ["--standalone", "--storage-path", folder, "--host"];
  const child = spawn(path, [...place, "127.0.0.1", "--port", String(port)], { cwd: folder, stdio: "ignore" });
  const ended = once(child, "exit");
  await waitUntilListening(port, AbortSignal.timeout(30_000));
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}
