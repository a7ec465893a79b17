import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

const launcher = fileURLToPath(new URL("../main.js", import.meta.url));

/** What a command line did. */
export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The command line as a process of its own. */
export class CliProcess implements AsyncDisposable {
  out = "";
  err = "";
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<unknown>;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(process.execPath, [launcher, ...args], {
      env: { PATH: process.env.PATH, TASKGROVE_ADDRESS: "127.0.0.1:9", ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.out += text;
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.err += text;
    });
    // One that ends before its standard input was closed breaks the pipe; what it printed and its code say what it did.
    this.#child.stdin.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
    this.#ended = once(this.#child, "close");
  }

  /** Gives it its standard input and waits for its end. */
  async end(stdin = ""): Promise<Finished> {
    this.#child.stdin.end(stdin);
    await this.#ended;
    return { code: this.#child.exitCode, out: this.out, err: this.err };
  }

  /** Waits until its standard output has something that matches. Rejects when it ends without. */
  async match(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.out);
      if (found !== null) return found;
      if (this.#child.exitCode !== null) throw new Error(`ended without ${pattern}: ${this.out}${this.err}`);
      await Promise.race([once(this.#child.stdout, "data"), this.#ended]);
    }
  }

  interrupt(): void {
    this.#child.kill("SIGINT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

/** Runs the command line to its end. */
export async function cli(address: string, args: readonly string[], stdin = ""): Promise<Finished> {
  await using process = new CliProcess(args, { TASKGROVE_ADDRESS: address });
  return await process.end(stdin);
}
