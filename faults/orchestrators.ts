import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ManagedProcess } from "./managed-process.ts";

const SCRIPT = fileURLToPath(new URL("../services/orchestrator/main.ts", import.meta.url));
const RETRY_MS = 300;

/** How an orchestrator is started. */
export interface OrchestratorOptions {
  readonly name: string;
  readonly log: string;
  readonly leaseMs: number;
  /** Flags that say where it keeps its state. */
  readonly storeFlags: readonly string[];
  /** It listens there now; undefined: no longer. */
  onPort(port: number | undefined): void;
  /** It has logged an error. */
  onComplaint(line: string): void;
  /** It has ended by itself after it had begun to serve. */
  onDeath(how: string): void;
}

/**
 * An orchestrator process. As a supervisor would, it is started again when it cannot start because its database is away; that it ends by itself
 * later is a fault.
 */
export class OrchestratorProcess {
  readonly #options: OrchestratorOptions;
  readonly #process: ManagedProcess;
  #listening = Promise.withResolvers<void>();
  #port: number | undefined;
  #isWanted = false;

  constructor(options: OrchestratorOptions) {
    this.#options = options;
    this.#listening.promise.catch(() => {});
    this.#process = new ManagedProcess({
      name: options.name,
      log: options.log,
      command: () => [SCRIPT, ...flagsOf(options)],
      onLine: (line) => this.#onLine(line),
      onEnd: (how) => {
        if (this.#port !== undefined) options.onDeath(how);
        this.#isDown();
      },
    });
  }

  get name(): string {
    return this.#process.name;
  }

  /** Where it serves; undefined while it does not. */
  get port(): number | undefined {
    return this.#port;
  }

  /** Resolves when it serves. */
  get listening(): Promise<void> {
    return this.#listening.promise;
  }

  /** Starts it, again and again until it serves or {@link kill} is called. */
  start(): void {
    this.#isWanted = true;
    void this.#keepStarting();
  }

  async kill(): Promise<void> {
    this.#isWanted = false;
    await this.#process.kill();
    this.#isDown();
  }

  freeze(): void {
    this.#process.freeze();
  }

  thaw(): void {
    this.#process.thaw();
  }

  async dispose(): Promise<void> {
    this.#isWanted = false;
    await this.#process.dispose();
  }

  async #keepStarting(): Promise<void> {
    while (this.#isWanted && !this.#process.isAlive) {
      await this.#process.start().ended;
      await sleep(RETRY_MS);
    }
  }

  #onLine(line: string): void {
    if (line.startsWith('{"level":"error"')) this.#options.onComplaint(line);
    const port = /"msg":"listening"/.test(line) ? /"grpcAddress":"[^"]*:(\d+)"/.exec(line)?.[1] : undefined;
    if (port === undefined) return;
    this.#port = Number(port);
    this.#options.onPort(this.#port);
    this.#listening.resolve();
  }

  #isDown(): void {
    if (this.#port === undefined) return;
    this.#port = undefined;
    this.#options.onPort(undefined);
    this.#listening = Promise.withResolvers();
    this.#listening.promise.catch(() => {});
  }
}

/** Small slices and frames, so that what is done in slices and sent in parts happens all the time. */
function flagsOf({ leaseMs, storeFlags }: OrchestratorOptions): string[] {
  return [
    ...["--grpc-port", "0", "--http-port", "0"],
    ...["--lease-duration", `${leaseMs}ms`, "--ping-interval", `${Math.round(leaseMs / 4)}ms`],
    ...["--slice-size", "20", "--max-subtasks-per-frame", "100", "--max-crashes", "1000"],
    ...storeFlags,
  ];
}
