import { join } from "node:path";
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

const RUNNERS = 6;

/** Makes the store ready, and says what can run on it. */
export async function openStore(
  kind: StoreKind,
  folder: string,
): Promise<{ readonly topology: Topology; readonly database: Database }> {
  if (kind === "mongodb") throw new Error("mongodb: not yet");
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
