import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { portOf, through } from "./through-proxy.ts";

/**
 * What happens to one command on its way:
 *
 * - `lose-request`: the connection breaks before it reaches the server
 * - `lose-answer`: the server has done it, and the connection breaks before the answer arrives
 * - `swallow-request`, `swallow-answer`: the same, but the connection stays and nothing comes
 */
export type CommandFault = "lose-request" | "lose-answer" | "swallow-request" | "swallow-answer";

/** A key of a BSON document: its type, here a number of 32 bits, and its name. */
export const COMMIT = "\x10commitTransaction\0";
/** The stage that begins a change stream, or goes on with one: a key of a document. */
export const CHANGE_STREAM = "\x03$changeStream\0";

/** A TCP proxy to one MongoDB server that knows one command when it sees it. */
export class CommandProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: string;
  readonly #sockets = new Set<Socket>();
  readonly #sign: Buffer;
  /** What happens to the next commands, one each; after that they are left alone. The driver itself sends a commit that failed a second time. */
  faults: CommandFault[] = [];
  /** Is awaited when a fault happens: before the connection breaks, and for a lost answer when the server has done it. */
  onFault: (fault: CommandFault) => Promise<void> | void = () => {};

  private constructor(server: Server, target: string, sign: string) {
    this.#server = server;
    this.#target = target;
    this.#sign = Buffer.from(sign, "latin1");
    server.on("connection", (client) => this.#accept(client));
  }

  /** Listens on a free port of 127.0.0.1; `target` is the connection string of a server there. `sign` is in the command, and in no other. */
  static async open(target: string, sign: string = COMMIT): Promise<CommandProxy> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new CommandProxy(server, target, sign);
  }

  get uri(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy is closed");
    return through(address.port, this.#target);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(client: Socket): void {
    const server = connect(portOf(this.#target), "127.0.0.1");
    let fault: CommandFault | undefined;
    const end = () => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", end);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    const carryOut = async (due: CommandFault) => {
      await this.onFault(due);
      if (due.startsWith("lose")) end();
    };
    const requests = messagesOf((message) => {
      if (fault === undefined && message.includes(this.#sign)) fault = this.faults.shift();
      if (fault?.endsWith("request")) void carryOut(fault);
      else server.write(message);
    });
    client.on("data", requests);
    // One request is under way on a connection at a time, so what comes now is the answer to the command.
    server.on("data", (bytes) => {
      if (fault === undefined) client.write(bytes);
      else void carryOut(fault);
    });
  }
}

/** Puts bytes together into whole messages: each begins with its length. */
function messagesOf(take: (message: Buffer) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0);
      take(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  };
}
