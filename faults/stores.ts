import { join } from "node:path";
import { findProgram, INSTALL_COMMAND, SERVER_KINDS } from "../scripts/mongodb/find-server.ts";
import { startMongoServer } from "../scripts/mongodb/start-server.ts";
import type { StoreKind } from "./options.ts";
import type { Topology } from "./topology.ts";

/** Where the orchestrators keep their state, and what can be done to it. */
export interface Database {
  /** Where it listens; undefined: it is no server. */
  readonly port: number | undefined;
  /** What it is, for people. */
  readonly description: string;
  /** Flags of an orchestrator that reaches it at this address. */
  flags(address: string): readonly string[];
  kill(): Promise<void>;
  /** Starts it again; resolves when it serves. */
  start(): Promise<void>;
  freeze(): void;
  thaw(): void;
  dispose(): Promise<void>;
}

const ORCHESTRATORS = 3;
const RUNNERS = 6;

/** Makes the store ready, and says what can run on it. */
export async function openStore(
  kind: StoreKind,
  folder: string,
): Promise<{ readonly topology: Topology; readonly database: Database }> {
  if (kind === "mongodb") {
    const database = await mongoDatabase();
    return { topology: { orchestrators: ORCHESTRATORS, runners: RUNNERS, hasDatabase: true }, database };
  }
  return { topology: { orchestrators: 1, runners: RUNNERS, hasDatabase: false }, database: sqliteDatabase(folder) };
}

/** A file that one orchestrator has open. */
function sqliteDatabase(folder: string): Database {
  const nothing = async () => {};
  return {
    port: undefined,
    description: "SQLite",
    flags: () => ["--store", "sqlite", "--sqlite-file", join(folder, "store.db")],
    kill: nothing,
    start: nothing,
    freeze: () => {},
    thaw: () => {},
    dispose: nothing,
  };
}

/**
 * A server of its own, which may be killed: not that of MONGODB_URI. Orchestrators connect directly to the address that they are given: the
 * server itself would tell them its real one, past the link.
 */
async function mongoDatabase(): Promise<Database> {
  const program = findProgram(SERVER_KINDS);
  if (program === null)
    throw new Error(`no MongoDB server was found that may be killed; '${INSTALL_COMMAND}' installs one`);
  const server = await startMongoServer({ server: program, log: () => {} });
  if (server.kind === "none") throw new Error(server.message);
  return {
    port: server.port,
    description: server.description,
    flags: (address) => [
      ...["--store", "mongodb", "--mongodb-uri", `mongodb://${address}/?directConnection=true`],
      ...["--mongodb-database", "faults"],
    ],
    async kill() {
      server.kill("SIGKILL");
    },
    async start() {
      await server.restart();
    },
    freeze: () => void server.kill("SIGSTOP"),
    thaw: () => void server.kill("SIGCONT"),
    dispose: () => server.stop(),
  };
}
