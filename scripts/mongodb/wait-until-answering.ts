import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { type Document, MongoClient } from "mongodb";

/** How often to ask again, in milliseconds: short against the start of a server, about half a second. */
const POLL_MS = 20;

/** A client of one node, whatever replica set it belongs to; it gives up soon, since our servers are on this machine. */
export async function withNode<T>(port: number, use: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: 2_000,
  });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** Waits until something listens at the port. Rejects when `signal` is aborted. */
export async function waitUntilListening(port: number, signal: AbortSignal): Promise<void> {
  while (!(await listens(port))) await delay(POLL_MS, undefined, { signal });
}

/** Waits until the node answers and says of itself what is wanted. Rejects when `signal` is aborted. */
export async function waitForHello(
  port: number,
  wanted: (hello: Document) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const isSo = () => withNode(port, async (client) => wanted(await client.db("admin").command({ hello: 1 })));
  // A refusal is an answer of "not yet": a server that recovers may close the first connections.
  while (!(await isSo().catch(() => false))) await delay(POLL_MS, undefined, { signal });
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
