import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import type { Document } from "mongodb";
import type { Program } from "./find-server.ts";
import { configFile, dataFolder, launchArguments, logFile, type Seat } from "./launch.ts";
import { waitForHello, waitUntilListening } from "./wait-until-answering.ts";

/** Lines of its log that the message about a failed start shows. */
const LOG_LINES = 15;

/** One server process at a fixed port and folder; it can be killed and started again there as often as one likes. */
export class ServerProcess {
  readonly port: number;
  readonly #program: Program;
  readonly #seat: Seat;
  readonly #onChange: () => void;
  #child: ChildProcess | null = null;
  #ended = new AbortController();

  /** `onChange` is called whenever `pid` has changed. */
  constructor(program: Program, seat: Seat, onChange: () => void) {
    this.port = seat.port;
    this.#program = program;
    this.#seat = seat;
    this.#onChange = onChange;
    mkdirSync(dataFolder(seat), { recursive: true });
    writeFileSync(configFile(seat), "");
  }

  /** The process that runs, also while it is stopped by SIGSTOP; null when none does. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Sends a signal; false when nothing runs that could get it. Does not wait for what the signal does. */
  kill(signal: NodeJS.Signals): boolean {
    return this.#child?.kill(signal) ?? false;
  }

  /** Starts the process, which must not run, and waits until it listens. Throws as {@link waitFor} does. */
  async start(signal: AbortSignal): Promise<void> {
    this.#spawn();
    await this.#until(signal, (stopped) => waitUntilListening(this.port, stopped));
  }

  /**
   * Waits until the server answers and says of itself what is wanted. Throws, with the end of its log, when the process ends before or
   * `signal` is aborted; it is ended then.
   */
  async waitFor(wanted: (hello: Document) => boolean, signal: AbortSignal): Promise<void> {
    await this.#until(signal, (stopped) => waitForHello(this.port, wanted, stopped));
  }

  /** Ends the process with SIGKILL, if it runs, and waits until it is gone. */
  async end(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    child.ref();
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async #until(signal: AbortSignal, step: (stopped: AbortSignal) => Promise<void>): Promise<void> {
    const stopped = AbortSignal.any([signal, this.#ended.signal]);
    try {
      await step(stopped);
      stopped.throwIfAborted(); // What answered was another program that has our port.
    } catch (cause) {
      const what = this.#ended.signal.aborted
        ? `ended while it started (${this.#ended.signal.reason})`
        : "did not get ready in time";
      await this.end();
      throw new Error(`${this.#program.path} ${what}; ${this.#logEnd()}`, { cause });
    }
  }

  #spawn(): void {
    const log = openSync(logFile(this.#seat), "a");
    // Detached: an interrupt from the terminal is for us, who may still need the server to end in order.
    const child = spawn(this.#program.path, launchArguments(this.#program.kind, this.#seat), {
      cwd: this.#seat.folder,
      stdio: ["ignore", log, log],
      detached: true,
    });
    closeSync(log);
    child.unref();
    const ended = new AbortController();
    const left = (why: string) => {
      this.#child = null;
      ended.abort(why);
      this.#onChange();
    };
    child.once("exit", (code, signal) => left(signal ?? `exit code ${code}`));
    child.once("error", ({ message }) => left(message));
    this.#child = child;
    this.#ended = ended;
    this.#onChange();
  }

  #logEnd(): string {
    const lines = readFileSync(logFile(this.#seat), "utf8").trimEnd().split("\n").slice(-LOG_LINES).join("\n");
    return lines === "" ? "it left no log" : `its log ends with\n${lines}`;
  }
}
