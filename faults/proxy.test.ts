import { once } from "node:events";
import { connect as connectTo, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Link } from "./proxy.ts";

/** Collects what a socket is sent. */
class Received {
  text = "";
  #wake = () => {};

  constructor(socket: Socket) {
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      this.text += bytes.toString();
      this.#wake();
    });
  }

  async until(expected: string): Promise<void> {
    while (this.text !== expected) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

/** Also when it was reset, which `once` takes for a failure. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

describe("a link", () => {
  let server: Server;
  let link: Link;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    link = await Link.open();
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    link.setTarget(address.port);
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await link.close();
    server.close();
    await once(server, "close");
  });

  function dial(): { readonly socket: Socket; readonly received: Received } {
    const socket = connectTo(link.port, "127.0.0.1");
    sockets.push(socket);
    return { socket, received: new Received(socket) };
  }

  async function pair() {
    const accepted = once(server, "connection");
    const client = dial();
    const [socket] = (await accepted) as [Socket];
    sockets.push(socket);
    return { client, server: { socket, received: new Received(socket) } };
  }

  it("hands on bytes, in both directions, and the end", async () => {
    const { client, server: far } = await pair();
    client.socket.write("question");
    await far.received.until("question");
    far.socket.end("answer");
    await client.received.until("answer");
    await once(client.socket, "end");
  });

  it("hands on large amounts unchanged", async () => {
    const { client, server: far } = await pair();
    const text = "0123456789abcdef".repeat(300_000);
    client.socket.write(text);
    await far.received.until(text);
  });

  it("delays, and keeps the order when the delay ends", async () => {
    const { client, server: far } = await pair();
    link.setMode({ kind: "delay", ms: 100 });
    const before = performance.now();
    client.socket.write("a");
    await far.received.until("a");
    expect(performance.now() - before).toBeGreaterThanOrEqual(99);
    link.setMode({ kind: "delay", ms: 60_000 });
    far.socket.write("b");
    client.socket.write("b");
    link.setMode({ kind: "normal" });
    client.socket.write("c");
    await far.received.until("abc");
    await client.received.until("b");
  });

  it("cuts one direction; what was sent arrives when the cut is over", async () => {
    const { client, server: far } = await pair();
    link.setMode({ kind: "cut", direction: "up" });
    client.socket.write("late");
    far.socket.write("in time");
    await client.received.until("in time");
    expect(far.received.text).toBe("");
    link.setMode({ kind: "normal" });
    await far.received.until("late");
  });

  it("swallows as a black hole, and resets when it is over", async () => {
    const { client, server: far } = await pair();
    link.setMode({ kind: "black-hole" });
    const late = dial();
    await once(late.socket, "connect");
    client.socket.write("lost");
    late.socket.write("lost, too");
    const ends = [client.socket, late.socket, far.socket].map((socket) => closed(socket));
    await new Promise<void>((resolve) => setImmediate(resolve));
    // Bytes reach the link some time after they were written; only then there is something to reset.
    const healing = setInterval(() => {
      link.setMode({ kind: "normal" });
      link.setMode({ kind: "black-hole" });
    }, 5);
    await Promise.all(ends);
    clearInterval(healing);
    expect(far.received.text).toBe("");
  });

  it("leaves a connection alone on which a black hole swallowed nothing", async () => {
    const { client, server: far } = await pair();
    link.setMode({ kind: "black-hole" });
    link.setMode({ kind: "normal" });
    client.socket.write("still there");
    await far.received.until("still there");
  });

  it("resets connections, and new ones as long as it lasts", async () => {
    const { client, server: far } = await pair();
    const ends = [client.socket, far.socket].map((socket) => closed(socket));
    link.setMode({ kind: "reset" });
    await Promise.all(ends);
    const refused = dial();
    await closed(refused.socket);
    expect(refused.received.text).toBe("");
    link.setMode({ kind: "normal" });
    const again = await pair();
    again.client.socket.write("again");
    await again.server.received.until("again");
  });

  it("resets whoever comes while the server is down", async () => {
    link.setTarget(undefined);
    const { socket } = dial();
    await closed(socket);
  });

  it("passes a reset of one side on to the other", async () => {
    const { client, server: far } = await pair();
    client.socket.write("x");
    await far.received.until("x");
    far.socket.resetAndDestroy();
    await closed(client.socket);
  });
});
