import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect, type TaskChange } from "taskgrove";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { end, freePort, Processes } from "./processes.ts";
import { FanOut } from "./tasks.ts";

const LEAVES = 10_000;

/** Real processes, killed with SIGKILL: nothing in them gets the chance to tidy up. */
describe("kill -9 in the middle of 10,000 tasks", () => {
  let folder: string;
  let port: number;
  let client: Client;
  let processes: Processes;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "taskgrove-kill-"));
    port = await freePort();
    processes = new Processes();
    client = connect(`127.0.0.1:${port}`);
  });

  afterEach(async () => {
    client.close();
    await processes[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  function startOrchestrator(): Promise<ChildProcess> {
    return processes.startOrchestrator(port, ["--lease-duration", "2s", "--sqlite-file", join(folder, "test.db")]);
  }

  function startRunner(): ChildProcess {
    return processes.startRunner({ addresses: [`127.0.0.1:${port}`], concurrency: 50 });
  }

  it("loses nothing, counts nothing twice, and closes every parent", async () => {
    let orchestrator = await startOrchestrator();
    const runners = [startRunner(), startRunner(), startRunner()];
    const job = await client.jobs.submit("kill", new FanOut({ leaves: LEAVES, pauseMs: 0 }));
    const disturbances = [
      { at: 1_000, act: () => end(runners[0], "SIGKILL") },
      {
        at: 3_000,
        act: async () => {
          await end(orchestrator, "SIGKILL");
          orchestrator = await startOrchestrator();
        },
      },
      {
        at: 6_000,
        act: async () => {
          startRunner();
          await Promise.all([end(orchestrator, "SIGKILL"), end(runners[1], "SIGKILL")]);
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
