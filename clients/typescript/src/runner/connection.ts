import { type Client, type ClientDuplexStream, type ServiceError, type StatusObject, status } from "@grpc/grpc-js";
import type { TlsOptions } from "../client/options.ts";
import { TaskgroveError, toTaskgroveError } from "../errors.ts";
import { RunnerServiceService } from "../gen/taskgrove/v1/runner.ts";
import type { Address } from "../rpc/addresses.ts";
import { createGrpcClient } from "../rpc/channel.ts";

/** What a connection tells. */
export interface ConnectionEvents {
  /** An encoded SessionResponse came. */
  frame(bytes: Buffer): void;
  /** More can be written, after a write that returned false. */
  drained(): void;
  /** The stream is over, for whatever reason; nothing follows. Not called after {@link Connection.cancel}. */
  closed(error: TaskgroveError): void;
}

/** One stream to one orchestrator, with frames as bytes: what they mean is not its business. */
export class Connection {
  readonly address: Address;
  readonly #client: Client;
  readonly #call: ClientDuplexStream<Uint8Array, Buffer>;
  #isOver = false;

  constructor(address: Address, tls: TlsOptions, events: ConnectionEvents) {
    this.address = address;
    this.#client = createGrpcClient(address, tls);
    this.#call = this.#client.makeBidiStreamRequest(RunnerServiceService.session.path, toBuffer, sameBytes);
    this.#call.on("data", (bytes: Buffer) => {
      if (!this.#isOver) events.frame(bytes);
    });
    this.#call.on("drain", () => {
      if (!this.#isOver) events.drained();
    });
    // After an error there is a status, too; without one only the status tells.
    this.#call.on("error", () => {});
    this.#call.on("status", (end: StatusObject) => {
      if (this.#isOver) return;
      this.#close();
      events.closed(toError(end));
    });
  }

  /** False when no more should be written until the connection has drained. */
  write(bytes: Uint8Array): boolean {
    return this.#call.write(bytes);
  }

  /** Ends the session on purpose; the orchestrator answers by closing. */
  end(): void {
    this.#call.end();
  }

  /** Drops the stream; the session can be resumed. */
  cancel(): void {
    if (this.#isOver) return;
    this.#call.cancel();
    this.#close();
  }

  #close(): void {
    this.#isOver = true;
    this.#client.close();
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function sameBytes(bytes: Buffer): Buffer {
  return bytes;
}

function toError(end: StatusObject): TaskgroveError {
  if (end.code === status.OK) return new TaskgroveError("OK", "OK", "the orchestrator closed the stream");
  const error: ServiceError = Object.assign(new Error(end.details), end);
  return toTaskgroveError(error);
}
