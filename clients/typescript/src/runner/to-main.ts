import type { LogFields, LogLevel } from "../logger.ts";
import type { ForwardedAck, FromSession, LeaseStop } from "./messages.ts";

/** Sends one message to the main thread. */
export type PostToMain = (message: FromSession, transfer: ArrayBuffer[]) => void;

interface Batch {
  connected?: FromSession["connected"];
  grants?: Uint8Array[];
  acks?: ForwardedAck[];
  stops?: LeaseStop[];
  idle?: boolean;
  logs?: { readonly level: LogLevel; readonly message: string; readonly fields: LogFields }[];
  closed?: FromSession["closed"];
}

/** Collects what the main thread must know, and sends it once per turn of the event loop: a message between threads is dear. */
export class ToMain {
  readonly #post: PostToMain;
  #batch: Batch = {};
  #transfer: ArrayBuffer[] = [];
  #isPlanned = false;

  constructor(post: PostToMain) {
    this.#post = post;
  }

  connected(connected: NonNullable<FromSession["connected"]>): void {
    this.#open().connected = connected;
  }

  /** `frame`: an encoded SessionResponse; it is copied, since it may be a view of something larger. */
  grants(frame: Uint8Array): void {
    const copy = new Uint8Array(frame);
    this.#transfer.push(copy.buffer);
    const batch = this.#open();
    batch.idle = false;
    batch.grants ??= [];
    batch.grants.push(copy);
  }

  ack(ack: ForwardedAck): void {
    const batch = this.#open();
    batch.acks ??= [];
    batch.acks.push(ack);
  }

  stop(stop: LeaseStop): void {
    const batch = this.#open();
    batch.stops ??= [];
    batch.stops.push(stop);
  }

  idle(): void {
    this.#open().idle = true;
  }

  log(level: LogLevel, message: string, fields: LogFields = {}): void {
    const batch = this.#open();
    batch.logs ??= [];
    batch.logs.push({ level, message, fields });
  }

  closed(error?: NonNullable<FromSession["closed"]>["error"]): void {
    this.#open().closed = error ? { error } : {};
  }

  #open(): Batch {
    if (!this.#isPlanned) {
      this.#isPlanned = true;
      setImmediate(() => this.#flush());
    }
    return this.#batch;
  }

  #flush(): void {
    const [batch, transfer] = [this.#batch, this.#transfer];
    this.#batch = {};
    this.#transfer = [];
    this.#isPlanned = false;
    this.#post(batch, transfer);
  }
}
