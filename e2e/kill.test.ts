import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Client, connect, type TaskChange } from "taskgrove";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FanOut } from "./tasks.ts";

const ORCHESTRATOR = fileURLToPath(new URL("../services/orchestrator/main.ts", import.meta.url));
const RUNNER = fileURLToPath(new URL("./runner.ts", import.meta.url));
const LEAVES = 10_000;

/** Real processes, killed with SIGKILL: nothing in them gets the chance to tidy up. */
describe("kill -9 in the middle of 10,000 tasks", () => {
  let folder: string;
  let port: number;
  let client: Client;
  let children: ChildProcess[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "taskgrove-kill-"));
    port = await freePort();
    children = [];
    client = connect(`127.0.0.1:${port}`);
  });

  afterEach(async () => {
    client.close();
    await Promise.all(children.map(kill));
    await rm(folder, { recursive: true, force: true });
  });

  async function startOrchestrator(): Promise<ChildProcess> {
    const ports = ["--grpc-port", String(port), "--http-port", "0"];
    const pace = ["--lease-duration", "2s", "--sqlite-file", join(folder, "test.db")];
    const child = spawn(process.execPath, [ORCHESTRATOR, ...ports, ...pace], { stdio: ["ignore", "pipe", "ignore"] });
    children.push(child);
    const listening = Promise.withResolvers<void>();
    child.once("exit", () => listening.reject(new Error("the orchestrator ended at its start")));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.includes('"listening"')) listening.resolve();
    });
    await listening.promise;
    return child;
  }

  function startRunner(): ChildProcess {
    const child = spawn(process.execPath, [RUNNER, `127.0.0.1:${port}`, "50"], { stdio: "ignore" });
    children.push(child);
    return child;
  }

  it("loses nothing, counts nothing twice, and closes every parent", async () => {
    let orchestrator = await startOrchestrator();
    const runners = [startRunner(), startRunner(), startRunner()];
    const job = await client.jobs.submit("kill", new FanOut({ leaves: LEAVES }));
    const disturbances = [
      { at: 1_000, act: () => kill(runners[0]) },
      {
        at: 3_000,
        act: async () => {
          await kill(orchestrator);
          orchestrator = await startOrchestrator();
        },
      },
      {
        at: 6_000,
        act: async () => {
          startRunner();
          await Promise.all([kill(orchestrator), kill(runners[1])]);
          orchestrator = await startOrchestrator();
        },
      },
    ];
    const changes: TaskChange[] = [];
    let completed = 0;
    for await (const update of client.jobs.watch(job.id)) {
      changes.push(...update.tasks);
      completed += update.tasks.filter((change) => change.state === "COMPLETED").length;
      while (disturbances[0] !== undefined && completed >= disturbances[0].at) await disturbances.shift()?.act();
    }

    expect(disturbances).toEqual([]);
    const ended = await client.jobs.get(job.id);
    expect(ended.state).toBe("COMPLETED");
    expect(ended.taskCounts).toMatchObject({ completed: LEAVES + 2, queued: 0, running: 0, computed: 0, failed: 0 });
    const finished = changes.filter((change) => change.state === "COMPLETED").map((change) => change.taskId);
    expect(finished).toHaveLength(LEAVES + 2);
    expect(new Set(finished).size).toBe(LEAVES + 2);
    const joinId = changes.find((change) => change.identifier?.[0] === "Join")?.taskId;
    const joinStarted = changes.findIndex((change) => change.taskId === joinId && change.state === "RUNNING");
    const before = changes.slice(0, joinStarted).filter((change) => change.state === "COMPLETED");
    expect(before).toHaveLength(LEAVES);
  }, 120_000);
});

async function kill(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
