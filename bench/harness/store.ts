import { join } from "node:path";
import type { MongoServer } from "../../scripts/mongodb/start-server.ts";

/** Where orchestrators keep their state. */
export const STORE_KINDS = ["sqlite", "mongodb"] as const;

export type StoreKind = (typeof STORE_KINDS)[number];

/** What the orchestrators of a run keep their state in. */
export interface BenchStore extends AsyncDisposable {
  readonly kind: StoreKind;
  /** What it is, for people. */
  readonly description: string;
  /** How its figures are not to be read; empty when there is nothing to say. */
  readonly note: string;
  /** The part of the full sizes that is measured, so that a slow store does not take hours. */
  readonly scale: number;
  /** Makes an empty database, for one orchestrator or several. It is gone when it is disposed of. */
  openDatabase(name: string, directory: string): Promise<Database>;
}

/** A database of its own. */
export interface Database extends AsyncDisposable {
  /** What tells an orchestrator to use it. */
  readonly flags: readonly string[];
  /** How it is reached without an orchestrator; null: not at all. */
  readonly mongodb: MongoAddress | null;
}

/** Where a MongoDB database is. */
export interface MongoAddress {
  readonly uri: string;
  readonly database: string;
}

/** Opens the store; for MongoDB that starts a server. A text is a sentence for people that says why there is none. */
export async function openStore(kind: StoreKind): Promise<BenchStore | string> {
  return kind === "sqlite" ? SQLITE : openMongo();
}

const SQLITE: BenchStore = {
  kind: "sqlite",
  description: "SQLite, synchronous=FULL",
  note: "",
  scale: 1,
  async openDatabase(name, directory) {
    const file = join(directory, `${name}.db`);
    // The file goes with its folder.
    return {
      flags: ["--sqlite-file", file, "--sqlite-synchronous", "full"],
      mongodb: null,
      [Symbol.asyncDispose]: async () => {},
    };
  },
  [Symbol.asyncDispose]: async () => {},
};

/** What one commit takes on each server, against SQLite: about 5 times as long on a mongod, 20 times and more on a stand-in. */
const SCALES: Readonly<Record<MongoServer["kind"], number>> = {
  external: 0.2,
  mongod: 0.2,
  "secantus-rs": 0.1,
  "secantus-py": 0.01,
};

const STAND_IN_NOTE =
  "SecantusDB stands in for MongoDB here: absolute figures on it say nothing about MongoDB. " +
  "Count round trips, commits and conflicts, and compare with the bare operations.";

async function openMongo(): Promise<BenchStore | string> {
  // Who measures the embedded store need not have the driver of the other one.
  const { startMongoServer } = await import("../../scripts/mongodb/start-server.ts");
  const server = await startMongoServer({ log: () => {} });
  if (server.kind === "none") return server.message;
  const { kind, uri, description } = server;
  return {
    kind: "mongodb",
    description: `MongoDB: ${description}`,
    note: kind.startsWith("secantus") ? STAND_IN_NOTE : "",
    scale: SCALES[kind],
    openDatabase: () => openMongoDatabase(uri),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

async function openMongoDatabase(uri: string): Promise<Database> {
  const { MongoClient } = await import("mongodb");
  const { freshDatabaseName } = await import("../../scripts/mongodb/fresh-database-name.ts");
  const database = freshDatabaseName();
  return {
    flags: ["--store", "mongodb", "--mongodb-uri", uri, "--mongodb-database", database],
    mongodb: { uri, database },
    async [Symbol.asyncDispose]() {
      await using client = await MongoClient.connect(uri);
      await client.db(database).dropDatabase();
    },
  };
}

/** Where a database is that must be on MongoDB. */
export function mongoOf({ mongodb }: Database): MongoAddress {
  if (mongodb === null) throw new Error("this scenario is about MongoDB");
  return mongodb;
}
