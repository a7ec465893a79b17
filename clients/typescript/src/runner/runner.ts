import type { TlsOptions } from "../client/options.ts";
import type { Logger } from "../logger.ts";
import type { TaskClass } from "../task.ts";

/** How a runner runs. */
export interface RunnerOptions {
  /** What it can execute. At least one. */
  readonly tasks: readonly TaskClass[];
  /** `host:port`; a name that stands for several addresses is resolved. Default: as for the client. */
  readonly address?: string;
  /** Several orchestrators; one is taken, another one when it is lost. Wins over `address`. */
  readonly addresses?: readonly string[];
  /** Slug of its cluster. Default: the default cluster. */
  readonly cluster?: string;
  /** How many tasks it executes at once. Default 1. */
  readonly concurrency?: number;
  /** Shown to people. Default: host name and process id. */
  readonly name?: string;
  /** After a stop, running tasks get this long before they are aborted and released, in milliseconds. Default 30,000. */
  readonly shutdownGraceMs?: number;
  /** Default: one line per record to stderr, from info on. */
  readonly logger?: Logger;
  /** Default: no TLS. */
  readonly tls?: TlsOptions;
}

/** Executes tasks. */
export declare class Runner {
  constructor(options: RunnerOptions);
  /** Runs until {@link stop}, or SIGTERM or SIGINT (unless `handleSignals` is false), and drains. Rejects when the orchestrator refuses the runner. */
  run(options?: { readonly handleSignals?: boolean }): Promise<void>;
  /** Runs until nothing is left to do for this runner. */
  runAll(options?: { readonly handleSignals?: boolean }): Promise<void>;
  /** Drains and stops; resolves when it is done. */
  stop(): Promise<void>;
}
