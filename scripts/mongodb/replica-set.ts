import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Document } from "mongodb";
import type { Program } from "./find-server.ts";
import { freePort } from "./free-port.ts";
import { Guard } from "./guard.ts";
import { replicaSetName } from "./launch.ts";
import { ServerProcess } from "./server-process.ts";
import { withNode } from "./wait-until-answering.ts";

/** One process of a replica set that we started. */
export interface ServerNode {
  readonly port: number;
  /** Null while it is down. */
  readonly pid: number | null;
  /** Sends a signal; false when it is down. */
  kill(signal: NodeJS.Signals): boolean;
  /** Ends it with SIGKILL, if it still runs, starts it on the same port and data, and waits until it answers as a member of its replica set. */
  restart(): Promise<void>;
}

/** Processes of one program that serve together, and the folder that holds their data. */
export interface ReplicaSet {
  readonly name: string;
  readonly nodes: readonly ServerNode[];
  /** Ends what runs, starts all on the same ports and data, and waits for a primary that takes writes. */
  restart(): Promise<void>;
  /** Ends all and removes the folder. */
  stop(): Promise<void>;
}

/** A start, a recovery or an election that takes longer than this, in milliseconds, is a failure; they usually take one second. */
const READY_MS = 60_000;

/** Starts `count` processes in a temporary folder and waits until all know a primary that takes writes. */
export async function startReplicaSet(program: Program, count: number): Promise<ReplicaSet> {
  const folder = mkdtempSync(join(tmpdir(), "taskgrove-mongodb-"));
  const guard = new Guard(folder);
  const nodes: ServerProcess[] = [];
  const watch = () => guard.watch(nodes.flatMap(({ pid }) => pid ?? []));
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.end()));
    rmSync(folder, { recursive: true, force: true });
    guard.release();
  };
  try {
    for (let at = 0; at < count; at++) {
      const port = await freePort(nodes.map((node) => node.port));
      nodes.push(new ServerProcess(program, { port, folder: join(folder, String(at)) }, watch));
    }
    await restartAll(nodes, () => initiate(program, nodes));
  } catch (error) {
    await stop();
    throw error;
  }
  return { name: replicaSetName(program.kind), nodes: nodes.map(nodeOf), restart: () => restartAll(nodes), stop };
}

function nodeOf(process: ServerProcess): ServerNode {
  return {
    port: process.port,
    get pid() {
      return process.pid;
    },
    kill: (signal) => process.kill(signal),
    restart: async () => {
      const late = AbortSignal.timeout(READY_MS);
      await process.end();
      await process.start(late);
      await process.waitFor(isMember, late);
    },
  };
}

async function restartAll(
  nodes: readonly ServerProcess[],
  onceListening: () => Promise<void> = async () => {},
): Promise<void> {
  const late = AbortSignal.timeout(READY_MS);
  await Promise.all(nodes.map((node) => node.end()));
  await Promise.all(nodes.map((node) => node.start(late)));
  await onceListening();
  await Promise.all(nodes.map((node) => node.waitFor(isReady, late)));
}

/** Makes fresh mongod processes a replica set. SecantusDB is one from its start. */
async function initiate(program: Program, nodes: readonly ServerProcess[]): Promise<void> {
  const [first] = nodes;
  if (program.kind !== "mongod" || first === undefined) return;
  const members = nodes.map(({ port }, at) => ({ _id: at, host: `127.0.0.1:${port}` }));
  const config = { _id: replicaSetName(program.kind), members };
  await withNode(first.port, (client) => client.db("admin").command({ replSetInitiate: config }));
}

function isMember(hello: Document): boolean {
  return hello.isWritablePrimary === true || hello.secondary === true;
}

/** A primary names itself before it takes writes; so another one must be named. */
function isReady(hello: Document): boolean {
  const follows = hello.secondary === true && hello.primary !== undefined && hello.primary !== hello.me;
  return hello.isWritablePrimary === true || follows;
}
