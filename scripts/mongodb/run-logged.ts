import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";

/** A command of the installer. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Variables to set besides those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** File to which all output is appended. */
  readonly log: string;
  /** The command is ended after this many milliseconds. */
  readonly limitMs: number;
  /** The command is ended when it has said nothing for this many milliseconds. Default: only `limitMs` counts. */
  readonly silenceMs?: number;
  /** Gets each line that it says, on either of its outputs. */
  readonly onLine?: (line: string) => void;
}

/** Runs a command to its end, which is bounded in time. Null when it succeeded, or why it did not, in a few words. */
export async function runLogged(command: Command): Promise<string | null> {
  const log = createWriteStream(command.log, { flags: "a" });
  log.write(`$ ${[command.program, ...command.args].join(" ")}\n`);
  try {
    return await run(command, (line) => log.write(`${line}\n`));
  } finally {
    await new Promise<void>((resolve) => log.end(resolve));
  }
}

function run(command: Command, write: (line: string) => void): Promise<string | null> {
  const child = spawn(command.program, command.args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...command.env },
  });
  let ended: string | null = null;
  const end = (why: string) => {
    ended = why;
    child.kill("SIGKILL");
  };
  const limit = setTimeout(() => end(`not finished after ${seconds(command.limitMs)}`), command.limitMs);
  const { silenceMs } = command;
  const silence = silenceMs && setTimeout(() => end(`no sign of life for ${seconds(silenceMs)}`), silenceMs);
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on("line", (line) => {
      if (silence) silence.refresh();
      write(line);
      command.onLine?.(line);
    });
  }
  return new Promise<string | null>((resolve) => {
    child.once("error", ({ message }) => resolve(message));
    child.once("close", (code, signal) => resolve(code === 0 ? null : (ended ?? `${signal ?? `exit code ${code}`}`)));
  }).finally(() => {
    clearTimeout(limit);
    clearTimeout(silence);
  });
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}
