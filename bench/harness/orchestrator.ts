import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "taskgrove";
import { type Child, startChild } from "./child.ts";
import type { Database } from "./store.ts";

/** An orchestrator in its own process. */
export interface Orchestrator extends AsyncDisposable {
  /** Where runners and submitters connect. */
  readonly address: string;
  readonly client: Client;
  readonly process: Child;
  /** Its metrics, summed over labels, by name. */
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** The most memory that it ever had, in bytes; undefined where the system does not tell. */
  peakRss(): Promise<number | undefined>;
}

/** What an orchestrator is started with. */
export interface OrchestratorOptions {
  readonly name: string;
  readonly database: Database;
  /** Where its log goes. */
  readonly directory: string;
  readonly profile: string | undefined;
}

/** Starts an orchestrator; resolves when it serves. */
export async function startOrchestrator(options: OrchestratorOptions): Promise<Orchestrator> {
  const { name, database, directory, profile } = options;
  const listening = Promise.withResolvers<{ readonly grpcAddress: string; readonly httpAddress: string }>();
  const child = startChild({
    name: `orchestrator ${name}`,
    script: "../services/orchestrator/main.ts",
    args: ["--grpc-port", "0", "--http-port", "0", "--log-level", "info", ...database.flags],
    log: join(directory, `${name}.log`),
    profile,
    onLine(line) {
      const record = parseRecord(line);
      if (record.msg !== "listening") return;
      listening.resolve({ grpcAddress: String(record.grpcAddress), httpAddress: String(record.httpAddress) });
    },
  });
  const { grpcAddress, httpAddress } = await Promise.race([listening.promise, child.unexpectedEnd]);
  const client = new Client({ address: grpcAddress });
  return {
    address: grpcAddress,
    client,
    process: child,
    async metrics() {
      const response = await fetch(`http://${httpAddress}/metrics`);
      return parseMetrics(await response.text());
    },
    peakRss: () => readPeakRss(child.pid),
    async [Symbol.asyncDispose]() {
      client.close();
      await child[Symbol.asyncDispose]();
    },
  };
}

function parseRecord(line: string): Readonly<Record<string, unknown>> {
  const record: unknown = line.startsWith("{") ? JSON.parse(line) : {};
  return typeof record === "object" && record !== null ? (record as Record<string, unknown>) : {};
}

/** Prometheus text as sums over labels, by name. Buckets of histograms are left out. */
export function parseMetrics(text: string): Map<string, number> {
  const sums = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = /^([a-z_]+)(?:\{.*\})? (\S+)$/.exec(line);
    const [, name, value] = match ?? [];
    if (name === undefined || name.endsWith("_bucket")) continue;
    sums.set(name, (sums.get(name) ?? 0) + Number(value));
  }
  return sums;
}

async function readPeakRss(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}
