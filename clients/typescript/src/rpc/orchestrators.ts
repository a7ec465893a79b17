import { setTimeout as sleep } from "node:timers/promises";
import { connectivityState, type Client as GrpcClient } from "@grpc/grpc-js";
import type { TlsOptions } from "../client/options.ts";
import { isOutage, TaskgroveError, toTaskgroveError } from "../errors.ts";
import { pickAddress, type Resolve, resolveAddresses } from "./addresses.ts";
import { reconnectDelayMs } from "./backoff.ts";
import { type Method, unary } from "./calls.ts";
import { createGrpcClient } from "./channel.ts";

/** How long to wait for a connection before another address is tried. */
const connectTimeoutMs = 5_000;

/** Which orchestrators, and how patiently. */
export interface OrchestratorsConfig {
  readonly addresses: readonly string[];
  readonly tls: TlsOptions;
  /** How long what may be tried again is tried again, in milliseconds. */
  readonly maxOutageMs: number;
}

/** Failures in a row of one call or stream. */
export interface Outage {
  failures: number;
  /** When the first of them was, on the monotonic clock. */
  sinceMs: number;
}

/**
 * Several equal orchestrators, as one: calls go to one of them, which is chosen by chance, and from there to another one as soon as it says that it
 * stops, cannot be reached, or fails a call with `UNAVAILABLE`. Names are resolved again each time. Streams that are still open at the one
 * that was left go on to their end.
 */
export class Orchestrators {
  readonly #config: OrchestratorsConfig;
  readonly #resolve: Resolve;
  #current: GrpcClient | undefined;
  #connecting: Promise<GrpcClient> | undefined;
  #lastTarget: string | undefined;
  /** How many addresses there were when one was chosen last. */
  #known = 0;
  #wasHeard = false;
  #isClosed = false;

  /** `resolve` is asked each time that one is chosen: what is behind a name comes and goes. */
  constructor(config: OrchestratorsConfig, resolve: Resolve = resolveAddresses) {
    this.#config = config;
    this.#resolve = resolve;
  }

  /** One that is connected; when none can be reached, one whose calls fail with the reason. Rejects with `UNAVAILABLE` when there is none. */
  connect(): Promise<GrpcClient> {
    if (this.#current && stateOf(this.#current) === connectivityState.READY) return Promise.resolve(this.#current);
    this.#connecting ??= this.#choose().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** Makes a unary call, and unless `once` is set makes it again, elsewhere first, when its answer was lost. Rejects with a TaskgroveError. */
  unary<Request, Response>(
    method: Method<Request, Response>,
    request: NoInfer<Request>,
    options: { readonly once?: boolean } = {},
  ): Promise<Response> {
    return this.call((client) => unary(client, method, request), options);
  }

  /** As {@link unary}, for any call. */
  async call<Result>(
    call: (client: GrpcClient) => Promise<Result>,
    { once = false }: { readonly once?: boolean } = {},
  ): Promise<Result> {
    const outage: Outage = { failures: 0, sinceMs: 0 };
    for (;;) {
      let client: GrpcClient | undefined;
      try {
        client = await this.connect();
        const result = await call(client);
        this.heard();
        return result;
      } catch (error) {
        const failure = toTaskgroveError(error);
        const delayMs = this.failed(client, failure, outage);
        if (once || delayMs === undefined) throw failure;
        await sleep(delayMs);
      }
    }
  }

  /** An orchestrator has answered: from now on an outage is worth waiting for its end. */
  heard(): void {
    this.#wasHeard = true;
  }

  /**
   * Takes note that something failed at this client, and says how long to wait before it is tried again, elsewhere first. Undefined: not at all,
   * because the failure is an answer, the outage has lasted too long, or no orchestrator was ever there and each address was tried.
   */
  failed(client: GrpcClient | undefined, failure: TaskgroveError, outage: Outage): number | undefined {
    if (!isOutage(failure)) {
      this.heard();
      return undefined;
    }
    if (client === this.#current) this.#leave();
    if (outage.failures === 0) outage.sinceMs = performance.now();
    const delayMs = reconnectDelayMs(outage.failures++);
    if (this.#isClosed) return undefined;
    const isPatient = this.#wasHeard && performance.now() - outage.sinceMs < this.#config.maxOutageMs;
    return isPatient || outage.failures < this.#known ? delayMs : undefined;
  }

  /** Calls in flight go on to their end; those to come fail. */
  close(): void {
    this.#isClosed = true;
    this.#leave();
  }

  #leave(): void {
    this.#current?.close();
    this.#current = undefined;
  }

  async #choose(): Promise<GrpcClient> {
    this.#leave();
    const addresses = [...(await this.#resolve(this.#config.addresses))];
    this.#known = addresses.length;
    let problem = `no address of ${this.#config.addresses.join(", ")} could be resolved`;
    let client: GrpcClient | undefined;
    for (;;) {
      const address = pickAddress(addresses, this.#lastTarget, Math.random);
      if (!address || this.#isClosed) break;
      addresses.splice(addresses.indexOf(address), 1);
      this.#lastTarget = address.target;
      client?.close();
      client = createGrpcClient(address, this.#config.tls);
      const settled = await untilSettled(client);
      if (settled === "ready") break;
      if (settled === "failed") continue;
      problem = `there was no connection to ${address.target} within ${connectTimeoutMs / 1000} s`;
      client.close();
      client = undefined;
    }
    if (this.#isClosed) {
      client?.close();
      client = undefined;
      problem = "the client is closed";
    }
    if (!client) throw new TaskgroveError("UNAVAILABLE", "UNAVAILABLE", problem);
    this.#current = client;
    return client;
  }
}

function stateOf(client: GrpcClient): connectivityState {
  return client.getChannel().getConnectivityState(false);
}

/** Connects. `failed`: calls fail now, with the reason. `silent`: neither of both for too long. */
function untilSettled(client: GrpcClient): Promise<"ready" | "failed" | "silent"> {
  const channel = client.getChannel();
  const deadline = Date.now() + connectTimeoutMs;
  return new Promise((resolve) => {
    const look = () => {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) resolve("ready");
      else if (state === connectivityState.TRANSIENT_FAILURE) resolve("failed");
      else channel.watchConnectivityState(state, deadline, (error) => (error ? resolve("silent") : look()));
    };
    look();
  });
}
