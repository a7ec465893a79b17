import { Client, type ClientOptions } from "taskgrove";
import { type ColorEnvironment, createStyle, type Style, wantsColor } from "./format/style.ts";
import type { Clock, Output } from "./watch/views.ts";

/** Everything that a command touches outside of itself. */
export interface CliIo {
  readonly stdout: Output;
  readonly stderr: Output;
  /** What `-` as an input reads. */
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly env: ColorEnvironment;
  readonly clock: Clock;
  readonly connect: (options: ClientOptions) => Client;
  /** Calls the listener once, at the first Ctrl-C or request to terminate; returns how to take it back. */
  readonly onInterrupt: (listener: () => void) => () => void;
}

/** This process. */
export function processIo(): CliIo {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    clock: Date.now,
    connect: (options) => new Client(options),
    onInterrupt: (listener) => {
      process.once("SIGINT", listener).once("SIGTERM", listener);
      return () => process.off("SIGINT", listener).off("SIGTERM", listener);
    },
  };
}

/** The style for what is written to standard output. */
export function stdoutStyle(io: CliIo): Style {
  return createStyle(wantsColor(io.stdout, io.env));
}

/** Writes lines to standard output. */
export function writeLines(io: CliIo, lines: readonly string[]): void {
  if (lines.length > 0) io.stdout.write(`${lines.join("\n")}\n`);
}

/** Writes one value as one line of JSON. */
export function writeJson(io: CliIo, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value)}\n`);
}
