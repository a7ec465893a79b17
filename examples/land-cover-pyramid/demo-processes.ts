import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Why the demo cannot go on: for people, not a bug. */
export class DemoStopped extends Error {}

/** A process that the demo started; stopped with SIGTERM when it goes out of scope. */
export interface DemoProcess extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** Ends it the hard way, as a machine that loses power. */
  kill(): Promise<void>;
  /** Rejects when the process ends without having been told to; never resolves. */
  readonly unexpectedEnd: Promise<never>;
}

/** An orchestrator and where it listens. */
export type DemoOrchestrator = DemoProcess & {
  /** For runners and submitters. */
  readonly address: string;
  /** For metrics. */
  readonly httpAddress: string;
};

/** After a SIGTERM a process gets this long, in milliseconds, before it is killed. */
const GRACE_MS = 10_000;

/** A runner is taken for dead after this long without a sign of life: short, so that the demo soon shows who goes on. */
const LEASE_DURATION = "5s";

/** Starts an orchestrator on the store that the flags name; resolves when it listens. Rejects when it ends before. Its log goes to `directory`. */
export async function startOrchestrator(
  name: string,
  storeFlags: readonly string[],
  directory: string,
): Promise<DemoOrchestrator> {
  const script = fileURLToPath(new URL("../../services/orchestrator/main.ts", import.meta.url));
  const ports = ["--grpc-port", "0", "--http-port", "0"];
  const args = [...ports, ...storeFlags, "--lease-duration", LEASE_DURATION];
  const listening = Promise.withResolvers<Pick<DemoOrchestrator, "address" | "httpAddress">>();
  const child = startProcess(name, script, args, join(directory, `${name}.log`), (line) => {
    const addresses = addressesIn(line);
    if (addresses !== undefined) listening.resolve(addresses);
  });
  return { ...child, ...(await Promise.race([listening.promise, child.unexpectedEnd])) };
}

/** The addresses in a log line that says that the orchestrator listens. */
function addressesIn(line: string): Pick<DemoOrchestrator, "address" | "httpAddress"> | undefined {
  const record: unknown = line.startsWith("{") ? JSON.parse(line) : undefined;
  if (typeof record !== "object" || record === null || !("msg" in record) || record.msg !== "listening")
    return undefined;
  const { grpcAddress, httpAddress } = record as { grpcAddress?: unknown; httpAddress?: unknown };
  return { address: String(grpcAddress), httpAddress: String(httpAddress) };
}

/** Starts a process whose output goes to a log file. `onLine` sees each line of its standard output. */
export function startProcess(
  name: string,
  script: string,
  args: readonly string[],
  log: string,
  onLine: (line: string) => void = () => undefined,
): DemoProcess {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const file = createWriteStream(log);
  for (const stream of [child.stdout, child.stderr]) stream.pipe(file, { end: false });
  createInterface({ input: child.stdout }).on("line", onLine);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => file.end(() => resolve(signal ?? `code ${code}`)));
  });
  // Should the demo itself crash, nothing that it started stays behind.
  const killAtExit = () => child.kill("SIGKILL");
  process.once("exit", killAtExit);
  ended.then(() => process.off("exit", killAtExit));
  let stopping = false;
  const unexpectedEnd = rejectWhenEnded(name, ended, log, () => stopping);
  // Whoever is interested waits for it; until then it is no unhandled rejection.
  unexpectedEnd.catch(() => undefined);
  const stop = async (signal: NodeJS.Signals) => {
    stopping = true;
    child.kill(signal);
    const overdue = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
    await ended;
    clearTimeout(overdue);
  };
  return {
    name,
    pid: child.pid ?? 0,
    kill: () => stop("SIGKILL"),
    unexpectedEnd,
    [Symbol.asyncDispose]: () => stop("SIGTERM"),
  };
}

async function rejectWhenEnded(name: string, ended: Promise<string>, log: string, expected: () => boolean) {
  const how = await ended;
  if (expected()) return new Promise<never>(() => undefined);
  const tail = (await readFile(log, "utf8")).trimEnd().split("\n").slice(-10).join("\n");
  throw new DemoStopped(`${name} ended by itself (${how}). The end of its log, ${log}:\n${tail}`);
}
