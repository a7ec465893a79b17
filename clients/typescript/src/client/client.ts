import { GrpcJobCache } from "../cache/job-cache.ts";
import type { JobCache } from "../context.ts";
import { configuredAddresses } from "../rpc/addresses.ts";
import { Orchestrators } from "../rpc/orchestrators.ts";
import { defaultMaxOutageMs } from "../rpc/retry.ts";
import { ClusterClient } from "./clusters.ts";
import { JobClient } from "./jobs.ts";
import type { ClientOptions } from "./options.ts";
import { RunnerClient } from "./runners.ts";

/**
 * Talks to an orchestrator as a submitter does; when there are several, to one of them, and to another one when it is lost. All errors of the
 * orchestrator and of the connection are TaskgroveErrors.
 *
 * What may be repeated is tried again until an orchestrator answers, for up to `maxOutageMs`: all but `jobs.retry`, `clusters.create` and
 * `clusters.delete`, where a repetition could be refused because the first try has done it. A client that has never had an answer only tries each
 * address once.
 */
export class Client implements Disposable {
  readonly jobs: JobClient;
  readonly clusters: ClusterClient;
  readonly runners: RunnerClient;
  readonly #orchestrators: Orchestrators;

  /** Connects with the first call. @throws TypeError for what is not an address. */
  constructor(options: ClientOptions = {}) {
    const { tls = false, maxOutageMs = defaultMaxOutageMs } = options;
    this.#orchestrators = new Orchestrators({ addresses: configuredAddresses(options), tls, maxOutageMs });
    this.jobs = new JobClient(this.#orchestrators);
    this.clusters = new ClusterClient(this.#orchestrators);
    this.runners = new RunnerClient(this.#orchestrators);
  }

  /** The job cache of a job, as a submitter sees it. */
  cache(jobId: string): JobCache {
    return new GrpcJobCache({ call: (call) => this.#orchestrators.call(call), jobId });
  }

  /** Closes the connection; calls in flight go on to their end. */
  close(): void {
    this.#orchestrators.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Same as `new Client({ address })`. */
export function connect(address?: string): Client {
  return new Client(address === undefined ? {} : { address });
}
