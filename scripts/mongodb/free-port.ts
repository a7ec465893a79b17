import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the range from which systems take the ports of outgoing connections, so that ours is still free when its server starts again. */
const FIRST = 20_000;
const LAST = 31_999;

/** Many more than will be taken at once. */
const ATTEMPTS = 100;

/** A port of 127.0.0.1 at which nothing listens now, and none of `taken`. */
export async function freePort(taken: readonly number[] = []): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST, LAST + 1);
    if (!taken.includes(port) && (await canListen(port))) return port;
  }
  throw new Error(`no free port from ${FIRST} to ${LAST} in ${ATTEMPTS} attempts`);
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
