import { join } from "node:path";
import type { StoreKind } from "./demo-options.ts";
import { DemoStopped } from "./demo-processes.ts";

/** What the demo's orchestrators keep their state in; gone when it is disposed of. */
export interface DemoStore extends AsyncDisposable {
  /** What it is, for people. */
  readonly description: string;
  /** What tells an orchestrator to use it. */
  readonly flags: readonly string[];
  /** How many orchestrators share it. */
  readonly orchestrators: number;
}

/** Makes the store; for MongoDB that starts a server. Rejects when there is none. */
export function startStore(kind: StoreKind, directory: string): Promise<DemoStore> {
  return kind === "mongodb" ? startMongo() : Promise.resolve(sqliteIn(directory));
}

function sqliteIn(directory: string): DemoStore {
  const file = join(directory, "demo.db");
  return {
    description: `SQLite, ${file}`,
    flags: ["--sqlite-file", file],
    orchestrators: 1,
    [Symbol.asyncDispose]: async () => {},
  };
}

async function startMongo(): Promise<DemoStore> {
  // Loaded only by those who want it: the embedded store needs no driver of a database server.
  const { startMongoServer, freshDatabaseName } = await import("../../scripts/mongodb/start-server.ts");
  const server = await startMongoServer({ log: () => {} });
  if (server.kind === "none") throw new DemoStopped(server.message);
  const { uri, description } = server;
  const database = freshDatabaseName();
  return {
    description: `MongoDB, ${description}, database ${database}`,
    flags: ["--store", "mongodb", "--mongodb-uri", uri, "--mongodb-database", database],
    orchestrators: 2,
    async [Symbol.asyncDispose]() {
      if (server.kind === "external") await dropDatabase(uri, database);
      await server.stop();
    },
  };
}

/** A server of our own goes with all that is in it; one that was there before must not keep what the demo left. */
async function dropDatabase(uri: string, database: string): Promise<void> {
  const { MongoClient } = await import("mongodb");
  await using client = await MongoClient.connect(uri);
  await client.db(database).dropDatabase();
}
