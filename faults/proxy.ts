import { once } from "node:events";
import { createServer, type Server, Socket } from "node:net";

/** What a link does to what goes through it. */
export type LinkMode =
  | { readonly kind: "normal" }
  /** Everything arrives so much later. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Nothing arrives in one direction (`up`: from the client to the server); what was sent arrives when the link is normal again. */
  | { readonly kind: "cut"; readonly direction: "up" | "down" }
  /** Connections are accepted, and what is sent is swallowed. They are reset when the link is normal again. */
  | { readonly kind: "black-hole" }
  /** Connections are reset, new ones too. */
  | { readonly kind: "reset" };

const NORMAL: LinkMode = { kind: "normal" };
/** More than this is not held back; then the sender has to wait. */
const MAX_HELD_BYTES = 1024 * 1024;

/** A TCP proxy between one client and one server, whose faults are made on purpose. */
export class Link {
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  #mode = NORMAL;
  #target: number | undefined;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (client) => this.#accept(client));
  }

  /** Listens on a free port. */
  static async open(): Promise<Link> {
    const server = createServer({ allowHalfOpen: true });
    const link = new Link(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return link;
  }

  /** Where the client connects. */
  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the link is closed");
    return address.port;
  }

  /** Where the server is now; undefined while it is down: new connections are reset then. */
  setTarget(port: number | undefined): void {
    this.#target = port;
  }

  /** Holds for all connections that there are, and for new ones. */
  setMode(mode: LinkMode): void {
    this.#mode = mode;
    for (const connection of this.#connections) {
      if (mode.kind === "reset" || (mode.kind !== "black-hole" && connection.hasLostBytes)) connection.reset();
      else connection.setMode(mode);
    }
  }

  /** Resets all connections and stops listening. */
  async close(): Promise<void> {
    for (const connection of this.#connections) connection.reset();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(client: Socket): void {
    client.on("error", () => {});
    if (this.#mode.kind === "reset" || this.#target === undefined) {
      client.resetAndDestroy();
      return;
    }
    const connection = new Connection(client, this.#target, this.#mode, () => this.#connections.delete(connection));
    this.#connections.add(connection);
  }
}

/** One connection of the client and the one to the server that belongs to it. */
class Connection {
  readonly #client: Socket;
  readonly #server = new Socket({ allowHalfOpen: true });
  readonly #up: Pipe;
  readonly #down: Pipe;
  readonly #onOver: () => void;
  readonly #isSham: boolean;
  #isOver = false;

  constructor(client: Socket, target: number, mode: LinkMode, onOver: () => void) {
    this.#client = client;
    this.#onOver = onOver;
    const whenBroken = () => this.reset();
    this.#up = new Pipe(client, this.#server, whenBroken);
    this.#down = new Pipe(this.#server, client, whenBroken);
    this.setMode(mode);
    for (const socket of [client, this.#server]) {
      socket.setNoDelay(true);
      socket.on("close", () => {
        if (client.destroyed && this.#server.destroyed) this.#end();
      });
    }
    this.#isSham = mode.kind === "black-hole";
    if (!this.#isSham) this.#server.connect(target, "127.0.0.1");
  }

  /** Something was swallowed, if only the first packet to the server: what comes later would make no sense. */
  get hasLostBytes(): boolean {
    return this.#isSham || this.#up.hasLostBytes || this.#down.hasLostBytes;
  }

  setMode(mode: LinkMode): void {
    this.#up.setFate(fateOf(mode, "up"));
    this.#down.setFate(fateOf(mode, "down"));
  }

  reset(): void {
    this.#end();
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#up.stop();
    this.#down.stop();
    this.#onOver();
  }
}

/** What happens to the bytes of one direction: they arrive so much later, are held, or are swallowed. */
type Fate = number | "hold" | "swallow";

function fateOf(mode: LinkMode, direction: "up" | "down"): Fate {
  if (mode.kind === "delay") return mode.ms;
  if (mode.kind === "black-hole") return "swallow";
  return mode.kind === "cut" && mode.direction === direction ? "hold" : 0;
}

/** Bytes, or how the sender ended. */
type Parcel = { readonly due: number; readonly what: Buffer | "end" | "reset" };

/** One direction of a connection. */
class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #onBroken: () => void;
  #fate: Fate = 0;
  #parcels: Parcel[] = [];
  #heldBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #hasToWait = false;
  hasLostBytes = false;

  constructor(from: Socket, to: Socket, onBroken: () => void) {
    this.#from = from;
    this.#to = to;
    this.#onBroken = onBroken;
    from.on("data", (bytes: Buffer) => this.#take(bytes));
    from.on("end", () => this.#take("end"));
    from.on("error", () => this.#take("reset"));
    to.on("drain", () => {
      this.#hasToWait = false;
      this.#deliver();
    });
  }

  setFate(fate: Fate): void {
    this.#fate = fate;
    if (fate === "swallow" && this.#parcels.length > 0) {
      this.hasLostBytes = true;
      this.#parcels = [];
      this.#heldBytes = 0;
    }
    this.#deliver();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#parcels = [];
  }

  #take(what: Parcel["what"]): void {
    if (this.#fate === "swallow") {
      this.hasLostBytes = true;
      return;
    }
    const delay = this.#fate === "hold" ? 0 : this.#fate;
    this.#parcels.push({ due: performance.now() + delay, what });
    if (typeof what !== "string") this.#heldBytes += what.length;
    this.#deliver();
  }

  #deliver(): void {
    clearTimeout(this.#timer);
    while (this.#fate !== "hold" && !this.#hasToWait) {
      const parcel = this.#parcels[0];
      if (parcel === undefined) break;
      const wait = this.#fate === 0 ? 0 : parcel.due - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#deliver(), wait);
        break;
      }
      this.#parcels.shift();
      this.#hand(parcel.what);
    }
    if (this.#heldBytes > MAX_HELD_BYTES) this.#from.pause();
    else if (this.#from.isPaused()) this.#from.resume();
  }

  #hand(what: Parcel["what"]): void {
    if (what === "reset") this.#onBroken();
    else if (what === "end") this.#to.end();
    else {
      this.#heldBytes -= what.length;
      this.#hasToWait = !this.#to.write(what);
    }
  }
}
