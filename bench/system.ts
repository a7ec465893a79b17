import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Client, connect } from "taskgrove";

/** An orchestrator on a fresh database with runner processes beside it. */
export interface System extends AsyncDisposable {
  readonly client: Client;
  readonly address: string;
  /** Starts a runner process and waits until it is connected. */
  addRunner(concurrency: number): Promise<void>;
  /** Resident memory of the orchestrator, in MiB. */
  memoryMiB(): number;
  /** A counter of the orchestrator, summed over its labels. */
  counter(name: string): Promise<number>;
}

const ORCHESTRATOR = fileURLToPath(new URL("../services/orchestrator/main.ts", import.meta.url));
const RUNNER = fileURLToPath(new URL("./runner.ts", import.meta.url));

/** Starts the orchestrator in a process of its own: SQLite on disk, synchronous=FULL, as in production. */
export async function startSystem(): Promise<System> {
  const folder = mkdtempSync(join(tmpdir(), "taskgrove-bench-"));
  const children: ChildProcess[] = [];
  const killAll = () => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", killAll);
  const args = [ORCHESTRATOR, "--grpc-port", "0", "--http-port", "0", "--sqlite-file", join(folder, "bench.db")];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const { grpcAddress, httpAddress } = await listening(child);
  const client = connect(grpcAddress);
  let runners = 0;
  return {
    client,
    address: grpcAddress,
    async addRunner(concurrency) {
      const started = spawn(process.execPath, [RUNNER, grpcAddress, String(concurrency)], {
        stdio: ["ignore", "ignore", "inherit"],
      });
      children.push(started);
      runners++;
      for (;;) {
        const connected = await client.runners.list();
        if ((await Array.fromAsync(connected)).length >= runners) return;
      }
    },
    memoryMiB() {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
    },
    async counter(name) {
      const text = await (await fetch(`http://${httpAddress}/metrics`)).text();
      let sum = 0;
      for (const line of text.split("\n")) if (line.startsWith(name)) sum += Number(line.split(" ").at(-1));
      return sum;
    },
    async [Symbol.asyncDispose]() {
      client.close();
      for (const started of children.toReversed()) {
        if (started.exitCode !== null || started.signalCode !== null) continue;
        started.kill("SIGKILL");
        await once(started, "exit");
      }
      process.off("exit", killAll);
      killAll();
    },
  };
}

/** Resolves with the addresses of the orchestrator's log line; rejects when it ends before. */
function listening(child: ChildProcess): Promise<{ grpcAddress: string; httpAddress: string }> {
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the orchestrator ended at its start with code ${code}`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on("line", (line) => {
      const record = line.startsWith("{") ? (JSON.parse(line) as Record<string, unknown>) : {};
      if (record.msg !== "listening") return;
      resolve({ grpcAddress: String(record.grpcAddress), httpAddress: String(record.httpAddress) });
    });
  });
}
