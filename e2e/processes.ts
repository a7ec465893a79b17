import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ORCHESTRATOR = fileURLToPath(new URL("../services/orchestrator/main.ts", import.meta.url));
const RUNNER = fileURLToPath(new URL("./runner.ts", import.meta.url));

/** How a runner process is started. */
export interface RunnerOptions {
  readonly addresses: readonly string[];
  readonly concurrency: number;
  /** Where it writes down what it executes; see `tasks.ts`. */
  readonly executions?: string;
}

/** The processes of one test: real ones. */
export class Processes implements AsyncDisposable {
  readonly #orchestrators: ChildProcess[] = [];
  readonly #runners: ChildProcess[] = [];

  /** An orchestrator on this port; resolves when it listens. */
  async startOrchestrator(port: number, flags: readonly string[]): Promise<ChildProcess> {
    const ports = ["--grpc-port", String(port), "--http-port", "0"];
    const child = spawn(process.execPath, [ORCHESTRATOR, ...ports, ...flags], { stdio: ["ignore", "pipe", "ignore"] });
    this.#orchestrators.push(child);
    const listening = Promise.withResolvers<void>();
    child.once("exit", () => listening.reject(new Error("the orchestrator ended at its start")));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.includes('"listening"')) listening.resolve();
    });
    await listening.promise;
    return child;
  }

  startRunner({ addresses, concurrency, executions = "" }: RunnerOptions): ChildProcess {
    const args = [RUNNER, addresses.join(","), String(concurrency), executions];
    const child = spawn(process.execPath, args, { stdio: "ignore" });
    this.#runners.push(child);
    return child;
  }

  /** Kills the runners and stops the orchestrators: one that is killed may leave a step open in its database, which then waits for a minute. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#runners.map((child) => end(child, "SIGKILL")));
    await Promise.all(this.#orchestrators.map((child) => end(child, "SIGTERM")));
  }
}

/** Sends a signal and waits for the end. Does nothing when it has ended. */
export async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, "exit");
}

/** A port that nobody uses, for a process that shall come back to the same one. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
