import { hostname } from "node:os";
import type { TlsOptions } from "../client/options.ts";
import { createStderrLogger, type Logger } from "../logger.ts";
import { configuredAddresses } from "../rpc/addresses.ts";
import type { TaskClass } from "../task.ts";
import { Run, type RunSettings } from "./run.ts";
import { TaskRegistry } from "./task-registry.ts";

/** How a runner runs. */
export interface RunnerOptions {
  /** What it can execute. At least one. */
  readonly tasks: readonly TaskClass[];
  /** As for the client: one address, or several with commas between them. */
  readonly address?: string;
  /** Several orchestrators; one is taken by chance, another one when it is lost. Wins over `address`. */
  readonly addresses?: readonly string[];
  /** Slug of its cluster. Default: the default cluster. */
  readonly cluster?: string;
  /** How many tasks it executes at once. Default 1. */
  readonly concurrency?: number;
  /** Shown to people. Default: host name and process id. */
  readonly name?: string;
  /** After a stop, running tasks get this long before they are aborted and given back, in milliseconds. Default 30,000. */
  readonly shutdownGraceMs?: number;
  /** Default: one line per record to stderr, from info on. */
  readonly logger?: Logger;
  /** Default: no TLS. */
  readonly tls?: TlsOptions;
}

/** How one run of a runner behaves. */
export interface RunOptions {
  /** Whether SIGTERM and SIGINT stop the run. Default true. */
  readonly handleSignals?: boolean;
}

const defaultGraceMs = 30_000;
const signals = ["SIGTERM", "SIGINT"] as const;

/**
 * Executes tasks. The connection to the orchestrator lives on a thread of its own, so that the leases last while a handler blocks the
 * event loop; after a lost connection it goes on by itself, here or at another address, without doing anything twice.
 */
export class Runner {
  readonly #settings: Omit<RunSettings, "session"> & { readonly session: Omit<RunSettings["session"], "notifyIdle"> };
  #run: Run | undefined;

  /** @throws TypeError for no tasks, two with one identifier, a concurrency that is not a whole number from 1 on, or what is not an address. */
  constructor(options: RunnerOptions) {
    const concurrency = options.concurrency ?? 1;
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      throw new TypeError(`concurrency must be a whole number from 1 on, not ${concurrency}`);
    }
    const registry = new TaskRegistry(options.tasks);
    const session = {
      addresses: configuredAddresses(options),
      tls: options.tls ?? false,
      runnerName: options.name ?? `${hostname()}/${process.pid}`,
      cluster: options.cluster ?? "",
      identifiers: registry.identifiers(),
      concurrency,
    };
    const logger = options.logger ?? createStderrLogger();
    this.#settings = { registry, session, logger, shutdownGraceMs: options.shutdownGraceMs ?? defaultGraceMs };
  }

  /**
   * Runs until {@link stop}, or until SIGTERM or SIGINT comes, and then drains: running tasks may finish within the grace, the rest is given
   * back. Handlers that ignore their signal are not waited for.
   *
   * Rejects with a TaskgroveError when the orchestrator refuses the runner for good, for example `NOT_FOUND` for an unknown cluster.
   */
  run(options: RunOptions = {}): Promise<void> {
    return this.#start(false, options);
  }

  /** Runs until no task that this runner can execute is queued or running anywhere, then stops. Otherwise as {@link run}. */
  runAll(options: RunOptions = {}): Promise<void> {
    return this.#start(true, options);
  }

  /** Drains and stops; resolves when the run has ended. Does nothing when nothing runs. */
  async stop(): Promise<void> {
    const run = this.#run;
    if (!run) return;
    run.drain();
    // Whoever started the run hears of its failure.
    await run.ended.catch(() => {});
  }

  async #start(notifyIdle: boolean, { handleSignals = true }: RunOptions): Promise<void> {
    if (this.#run) throw new Error("the runner runs already");
    const run = new Run({ ...this.#settings, session: { ...this.#settings.session, notifyIdle } });
    this.#run = run;
    const drain = () => run.drain();
    if (handleSignals) for (const signal of signals) process.once(signal, drain);
    try {
      await run.ended;
    } finally {
      for (const signal of signals) process.removeListener(signal, drain);
      this.#run = undefined;
    }
  }
}
