import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { atExit } from "../bench/harness/cleanup.ts";
import { monotonicMs } from "./history.ts";

/** How a process is started, each time. */
export interface ProcessOptions {
  /** Shown to people. */
  readonly name: string;
  /** What Node runs, and its arguments; `generation` counts starts, from 1. */
  command(generation: number): readonly string[];
  /** All its output goes there, of all generations. */
  readonly log: string;
  /** Sees each line of its standard output. */
  readonly onLine?: (line: string) => void;
  /** It has ended and nobody killed it. */
  onEnd(how: string): void;
}

/** A process that is killed, stopped and started again, again and again. */
export class ManagedProcess {
  readonly name: string;
  readonly #options: ProcessOptions;
  readonly #log: WriteStream;
  #child: ChildProcess | undefined;
  #ended = Promise.resolve();
  #generation = 0;
  #isKilled = false;

  constructor(options: ProcessOptions) {
    this.name = options.name;
    this.#options = options;
    this.#log = createWriteStream(options.log, { flags: "a" });
  }

  /** Counts starts. */
  get generation(): number {
    return this.#generation;
  }

  get isAlive(): boolean {
    return this.#child !== undefined;
  }

  /** Starts it; it must not be alive. Resolves at once, with its end. */
  start(): { readonly ended: Promise<void> } {
    if (this.#child !== undefined) throw new Error(`${this.name} runs already`);
    this.#generation++;
    this.#isKilled = false;
    this.note(`generation ${this.#generation} starts`);
    const child = spawn(process.execPath, [...this.#options.command(this.#generation)], {
      stdio: ["ignore", "pipe", "pipe"],
      env: environment(),
      // Ctrl-C is for the suite alone, which then ends its processes.
      detached: true,
    });
    this.#child = child;
    const forget = atExit(() => child.kill("SIGKILL"));
    for (const stream of [child.stdout, child.stderr]) stream.pipe(this.#log, { end: false });
    createInterface({ input: child.stdout }).on("line", (line) => this.#options.onLine?.(line));
    this.#ended = Promise.race([once(child, "exit"), once(child, "error")]).then(([how, signal]) => {
      forget();
      this.#child = undefined;
      const told = how instanceof Error ? how.message : (signal ?? `code ${how}`);
      this.note(`generation ${this.#generation} has ended: ${told}`);
      if (!this.#isKilled) this.#options.onEnd(String(told));
    });
    return { ended: this.#ended };
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#isKilled = true;
    this.#child?.kill("SIGKILL");
    await this.#ended;
  }

  /** SIGSTOP: it stands still until {@link thaw}. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  /** SIGCONT. */
  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Kills it and closes its log. */
  async dispose(): Promise<void> {
    await this.kill();
    this.#log.end();
  }

  /** Writes a line of the suite's into its log. */
  note(line: string): void {
    this.#log.write(`--- ${monotonicMs().toFixed(3)} ${line}\n`);
  }
}

/** Without settings of the user, which would change what is tested. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("TASKGROVE_") && name !== "NODE_OPTIONS",
  );
  return Object.fromEntries(kept);
}
