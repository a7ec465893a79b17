import { relative } from "node:path";
import { MongoClient } from "mongodb";
import {
  type FoundServer,
  findMongoServer,
  INSTALL_COMMAND,
  PROJECT,
  type Program,
  type ServerKind,
} from "./find-server.ts";
import { type ServerNode, startReplicaSet } from "./replica-set.ts";

export { freshDatabaseName } from "./fresh-database-name.ts";
export type { ServerNode } from "./replica-set.ts";

export interface StartOptions {
  /** Nodes of the replica set; 3 needs a real mongod. Default 1. */
  readonly nodes?: 1 | 3;
  /** Which server; default: what {@link findMongoServer} finds. */
  readonly server?: FoundServer | null;
  /** Gets one line that says which server was taken. Default: stderr. */
  readonly log?: (line: string) => void;
}

/** Why there is no server, with a sentence for the user. */
export interface NoServer {
  readonly kind: "none";
  readonly reason: "none_found" | "needs_mongod";
  readonly message: string;
}

/** A MongoDB server that answers as a writable primary. */
export interface MongoServer extends AsyncDisposable {
  readonly kind: "external" | ServerKind;
  /** Connection string, without a database name. */
  readonly uri: string;
  /** What it is and where it came from, for people; without credentials. */
  readonly description: string;
  /** Of the first node. `port` is the default one when an external connection string names none. */
  readonly host: string;
  readonly port: number;
  /** Of the first node; null while it is down, and always when external. */
  readonly pid: number | null;
  /** All nodes; none when external. */
  readonly nodes: readonly ServerNode[];
  /** Sends a signal to all nodes; false when there was none to get it: all are down, or the server is external. */
  kill(signal: NodeJS.Signals): boolean;
  /**
   * Ends what still runs with SIGKILL, starts all on the same ports and data, and waits for a writable primary. What was acknowledged with
   * majority write concern is there again. False, and nothing done, when external.
   */
  restart(): Promise<boolean>;
  /** Ends all nodes and removes their folder. Leaves an external server alone. */
  stop(): Promise<void>;
}

/**
 * Starts the best server of this machine on a free port of 127.0.0.1 in a temporary folder, as a replica set, or connects to the external
 * one. That there is none is a value; a server that is there and does not start is thrown.
 */
export async function startMongoServer(options: StartOptions = {}): Promise<MongoServer | NoServer> {
  const server = options.server === undefined ? findMongoServer() : options.server;
  const log = options.log ?? console.error;
  if (server === null) return none("none_found", `No MongoDB server was found; '${INSTALL_COMMAND}' installs one.`);
  if ((options.nodes ?? 1) > 1 && server.kind !== "mongod") {
    return none("needs_mongod", `${options.nodes} nodes need a mongod; what was found is ${describe(server)}.`);
  }
  const started = server.kind === "external" ? externalServer(server.uri) : await ownServer(server, options.nodes ?? 1);
  log(`MongoDB: ${started.description}`);
  return started;
}

function none(reason: NoServer["reason"], message: string): NoServer {
  return { kind: "none", reason, message };
}

/** What was found, for people; of a connection string only the hosts, since the rest may be secret. */
export function describe(server: FoundServer): string {
  if (server.kind === "external")
    return `the server of MONGODB_URI (${new MongoClient(server.uri).options.hosts.join(", ") || "by DNS"})`;
  const inside = relative(PROJECT, server.path);
  const path = inside.startsWith("..") ? server.path : inside;
  return (
    { mongod: "mongod", "secantus-rs": "SecantusDB, Rust", "secantus-py": "SecantusDB, Python" }[server.kind] +
    ` (${path})`
  );
}

function externalServer(uri: string): MongoServer {
  const [first] = new MongoClient(uri).options.hosts;
  const stop = async () => {};
  return {
    kind: "external",
    uri,
    description: describe({ kind: "external", uri }),
    host: first?.host ?? "localhost",
    port: first?.port ?? 27_017,
    pid: null,
    nodes: [],
    kill: () => false,
    restart: async () => false,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function ownServer(program: Program, count: number): Promise<MongoServer> {
  const set = await startReplicaSet(program, count);
  const [first] = set.nodes;
  if (first === undefined) throw new Error("a replica set has at least one node");
  const ports = set.nodes.map(({ port }) => port);
  return {
    kind: program.kind,
    uri: `mongodb://${ports.map((port) => `127.0.0.1:${port}`).join(",")}/?replicaSet=${set.name}`,
    description: `${describe(program)} on 127.0.0.1:${ports.join(",")}`,
    host: "127.0.0.1",
    port: first.port,
    get pid() {
      return first.pid;
    },
    nodes: set.nodes,
    kill: (signal) => set.nodes.filter((node) => node.kill(signal)).length > 0,
    restart: async () => {
      await set.restart();
      return true;
    },
    stop: () => set.stop(),
    [Symbol.asyncDispose]: () => set.stop(),
  };
}
