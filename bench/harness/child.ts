import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { atExit } from "./cleanup.ts";

/** A process of the benchmark. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  readonly process: ChildProcess;
  /** Rejects when the process ends without having been told to; never resolves. */
  readonly unexpectedEnd: Promise<never>;
}

/** How a process is started. */
export interface ChildOptions {
  /** Shown to people. */
  readonly name: string;
  /** Relative to the folder of the benchmark. */
  readonly script: string;
  readonly args: readonly string[];
  /** Where its output goes. */
  readonly log: string;
  /** Where its CPU profile goes. */
  readonly profile: string | undefined;
  /** Whether messages can be sent to it. */
  readonly ipc?: boolean;
  /** Sees each line of its standard output. */
  readonly onLine?: (line: string) => void;
}

/** After a SIGTERM a process gets this long, in milliseconds, before it is killed. */
const GRACE_MS = 15_000;

/** Starts a process. It is stopped with SIGTERM when it goes out of scope, and killed when the benchmark ends otherwise. */
export function startChild({ name, script, args, log, profile, ipc, onLine }: ChildOptions): Child {
  const path = fileURLToPath(new URL(`../${script}`, import.meta.url));
  const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
  const child = spawn(process.execPath, [...profiling, path, ...args], {
    stdio: ["ignore", "pipe", "pipe", ...(ipc ? ["ipc" as const] : [])],
    env: environment(),
    // Ctrl-C is for the benchmark alone, which then ends its processes.
    detached: true,
  });
  const file = createWriteStream(log);
  for (const stream of [child.stdout, child.stderr]) stream?.pipe(file, { end: false });
  if (child.stdout) createInterface({ input: child.stdout }).on("line", (line) => onLine?.(line));
  const forget = atExit(() => child.kill("SIGKILL"));
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => file.end(() => resolve(signal ?? `code ${code}`)));
  });
  let isStopping = false;
  const unexpectedEnd = ended.then((how): Promise<never> => {
    forget();
    if (isStopping) return new Promise<never>(() => {});
    throw new Error(`${name} ended by itself (${how}): ${endOf(log)}`);
  });
  // Whoever is interested waits for it; until then it is no unhandled rejection.
  unexpectedEnd.catch(() => {});
  return {
    pid: child.pid ?? 0,
    process: child,
    unexpectedEnd,
    async [Symbol.asyncDispose]() {
      isStopping = true;
      child.kill("SIGTERM");
      const overdue = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
      await ended;
      clearTimeout(overdue);
    },
  };
}

/** Without settings of the user, which would make figures incomparable. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("TASKGROVE_") && name !== "NODE_OPTIONS",
  );
  return Object.fromEntries(kept);
}

function endOf(log: string): string {
  return readFileSync(log, "utf8").trimEnd().split("\n").slice(-5).join("\n");
}
