import { Client as GrpcClient } from "@grpc/grpc-js";
import { GrpcJobCache } from "../cache/job-cache.ts";
import type { JobCache } from "../context.ts";
import { addressFromEnvironment, channelOptions, createCredentials } from "../rpc/channel.ts";
import { ClusterClient } from "./clusters.ts";
import { JobClient } from "./jobs.ts";
import type { ClientOptions } from "./options.ts";
import { RunnerClient } from "./runners.ts";

/** Talks to an orchestrator as a submitter does. All errors of the orchestrator and of the connection are TaskgroveErrors. */
export class Client implements Disposable {
  readonly jobs: JobClient;
  readonly clusters: ClusterClient;
  readonly runners: RunnerClient;
  readonly #rpc: GrpcClient;

  constructor(options: ClientOptions = {}) {
    const address = options.address ?? addressFromEnvironment();
    this.#rpc = new GrpcClient(address, createCredentials(options.tls), channelOptions);
    this.jobs = new JobClient(this.#rpc);
    this.clusters = new ClusterClient(this.#rpc);
    this.runners = new RunnerClient(this.#rpc);
  }

  /** The job cache of a job, as a submitter sees it. */
  cache(jobId: string): JobCache {
    return new GrpcJobCache({ client: () => this.#rpc, jobId });
  }

  /** Closes the connection; calls in flight go on to their end. */
  close(): void {
    this.#rpc.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Same as `new Client({ address })`. */
export function connect(address?: string): Client {
  return new Client(address === undefined ? {} : { address });
}
