import { type ClientSession, type CommandStartedEvent, type Db, MongoClient, type MongoClientOptions } from "mongodb";
import { StoreUnavailable } from "../store.ts";
import { failureOf, translateError } from "./errors.ts";
import { type Rows, rowsOf } from "./rows.ts";
import { migrate } from "./schema.ts";

/** A part of what pino offers. */
export interface StoreLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export const SILENT: StoreLogger = { info: () => {}, warn: () => {} };

export interface MongoOptions {
  /** `mongodb://` or `mongodb+srv://`. What it says wins over the defaults here. */
  readonly uri: string;
  /** The database; made if it does not exist. */
  readonly database: string;
  /** Called for each command that is sent: each is a round trip. */
  readonly onRoundTrip?: (event: CommandStartedEvent) => void;
  /** Where it is said what somebody should know who wonders about latency or slots. Default: nowhere. */
  readonly logger?: StoreLogger;
  /** A failed step is told to its caller after this long at the latest, in milliseconds. Default 5 s. */
  readonly patienceMs?: number;
  /** How often a process says that it is alive, in milliseconds. Default 1 s. */
  readonly beatMs?: number;
  /** Counts of jobs with so many tasks are divided as if there were several processes. Not set: as it is best. For tests. */
  readonly divideFrom?: number;
  /** Does without the command that writes to several collections at once, as servers before 8.0 must. For tests. */
  readonly bulkByCollection?: boolean;
}

/** A connection to a database whose schema is the one that this code knows. */
export interface Connection {
  readonly client: MongoClient;
  readonly db: Db;
  readonly rows: Rows;
  readonly hasClientBulkWrite: boolean;
}

export type SessionId = NonNullable<ClientSession["id"]>;

/** Ends what is open in these sessions. Throws when the database is away. */
export async function endTransactions(
  { client }: Pick<Connection, "client">,
  sessions: readonly SessionId[],
): Promise<void> {
  try {
    await client.db("admin").command({ killSessions: [...sessions] });
  } catch (error) {
    // Where users may not do this to their own sessions, the server ends a transaction when it is a minute old.
    if (failureOf(error) === "away") throw error;
  }
}

/** MongoDB 8.0. */
const CLIENT_BULK_WRITE_SINCE = 25;
/** A server that takes longer to answer is as good as away. */
const SELECTION_TIMEOUT_MS = 5_000;
const SOCKET_TIMEOUT_MS = 8_000;

const DEFAULTS: MongoClientOptions = {
  appName: "taskgrove",
  serverSelectionTimeoutMS: SELECTION_TIMEOUT_MS,
  connectTimeoutMS: SELECTION_TIMEOUT_MS,
  waitQueueTimeoutMS: SELECTION_TIMEOUT_MS,
  socketTimeoutMS: SOCKET_TIMEOUT_MS,
  // A connection that cannot be made counts as an overload, also when the server is gone. More patience than this is the caller's own.
  maxAdaptiveRetries: 1,
};

/** What must hold for every use, whatever the connection string says. */
const REQUIRED: MongoClientOptions = {
  readConcern: { level: "majority" },
  writeConcern: { w: "majority", journal: true },
  readPreference: "primary",
  retryWrites: true,
  retryReads: true,
};

/** Connects, checks what the server is, and migrates. Throws `StoreUnavailable` with a sentence for people when the database cannot be used. */
export async function openDatabase(options: MongoOptions): Promise<Connection> {
  const client = createClient(options);
  try {
    const hello = await client.db("admin").command({ hello: 1 });
    refuseStandalone(hello);
    const db = client.db(options.database);
    const rows = rowsOf(db);
    await migrate(db, rows);
    const hasClientBulkWrite =
      options.bulkByCollection !== true && Number(hello.maxWireVersion) >= CLIENT_BULK_WRITE_SINCE;
    return { client, db, rows, hasClientBulkWrite };
  } catch (error) {
    await client.close();
    const translated = translateError(error);
    if (translated instanceof StoreUnavailable || !(translated instanceof Error)) throw translated;
    throw new StoreUnavailable(`MongoDB cannot be used: ${translated.message}`, { cause: error });
  }
}

function createClient({ uri, onRoundTrip }: MongoOptions): MongoClient {
  const named = namedInUri(uri);
  const defaults = Object.fromEntries(Object.entries(DEFAULTS).filter(([name]) => !named.has(name.toLowerCase())));
  let client: MongoClient;
  try {
    client = new MongoClient(uri, { ...defaults, ...REQUIRED, monitorCommands: onRoundTrip !== undefined });
  } catch (error) {
    throw new StoreUnavailable(`the connection string of MongoDB is not valid: ${(error as Error).message}`);
  }
  if (onRoundTrip !== undefined) client.on("commandStarted", onRoundTrip);
  // Failures reach whoever asked; an error event without a listener would end the process.
  client.on("error", () => {});
  return client;
}

/** Names of the options in a connection string, in lower case. */
function namedInUri(uri: string): Set<string> {
  const query = uri.split("?")[1] ?? "";
  return new Set(query.split("&").map((pair) => (pair.split("=")[0] ?? "").toLowerCase()));
}

/** Transactions and change streams need a replica set (one node is enough) or a sharded cluster of them. */
function refuseStandalone(hello: { readonly setName?: string; readonly msg?: string }): void {
  if (hello.setName !== undefined || hello.msg === "isdbgrid") return;
  throw new StoreUnavailable(
    "MongoDB runs as a standalone server, which has no transactions. Start it as a replica set (one node is enough): " +
      "mongod --replSet rs0, then rs.initiate() once",
  );
}
