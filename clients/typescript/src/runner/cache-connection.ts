import type { Client as GrpcClient } from "@grpc/grpc-js";
import type { TlsOptions } from "../client/options.ts";
import type { Address } from "../rpc/addresses.ts";
import { createGrpcClient } from "../rpc/channel.ts";

/** A connection for the job cache, to the orchestrator that the session is connected to. Made when it is first asked for. */
export class CacheConnection {
  readonly #tls: TlsOptions;
  #address: Address | undefined;
  #client: GrpcClient | undefined;

  constructor(tls: TlsOptions) {
    this.#tls = tls;
  }

  /** The session went elsewhere; calls in flight go on to their end. */
  moveTo(address: Address): void {
    if (address.target === this.#address?.target) return;
    this.close();
    this.#address = address;
  }

  client(): GrpcClient {
    if (!this.#address) throw new Error("the runner is not connected yet");
    this.#client ??= createGrpcClient(this.#address, this.#tls);
    return this.#client;
  }

  close(): void {
    this.#client?.close();
    this.#client = undefined;
  }
}
