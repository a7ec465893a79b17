import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { JobState } from "./gen/taskgrove/v1/job.ts";
import { JobServiceService } from "./gen/taskgrove/v1/job_service.ts";
import { AckResult, type Grant } from "./gen/taskgrove/v1/lease.ts";
import { aJob, RawClient } from "./testing/raw-client.ts";
import { leaseOf, RawRunner } from "./testing/raw-runner.ts";
import { startTestOrchestrator } from "./testing/test-orchestrator.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "taskgrove-start-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const startOnFile = () =>
  startTestOrchestrator({ store: { kind: "sqlite", file: join(folder, "nested", "jobs.db"), synchronous: "normal" } });

describe("a graceful stop", () => {
  it("sends runners elsewhere with their leases, which go on on the next orchestrator", async () => {
    let jobId = "";
    let grants: Grant[] = [];
    let sessionId = "";
    {
      await using server = await startOnFile();
      using client = new RawClient(server.grpcAddress);
      const submitted = await client.unary(JobServiceService.submitJob, aJob(["a", "b"]));
      jobId = submitted.job?.id ?? "";
      const { runner, welcome } = await RawRunner.open(server.grpcAddress, { credits: 2 });
      grants = await runner.grants(2);
      sessionId = welcome.sessionId;
      runner.outcomes(leaseOf(grants[0] as Grant));
      const stopped = server.stop();
      await runner.next("goAway");
      expect((await runner.next("acks")).acks[0]?.result).toBe(AckResult.ACK_RESULT_ACCEPTED);
      await runner.end();
      await stopped;
    }
    await using server = await startOnFile();
    using client = new RawClient(server.grpcAddress);
    // As if the first acknowledgement had been lost.
    const leases = grants.map(leaseOf);
    const { runner, welcome } = await RawRunner.open(server.grpcAddress, { sessionId, leases });
    await using _ = runner;
    expect(welcome).toMatchObject({ sessionId, resumed: true, lostLeases: [] });
    runner.outcomes(...leases);
    expect((await runner.next("acks")).acks.map((ack) => ack.result)).toEqual([
      AckResult.ACK_RESULT_ACCEPTED,
      AckResult.ACK_RESULT_ACCEPTED,
    ]);
    const { job } = await client.unary(JobServiceService.getJob, { jobId });
    expect(job).toMatchObject({ state: JobState.JOB_STATE_COMPLETED, taskCounts: { completed: 2 } });
  });

  it("ends the streams of runners that do not leave, and opens no new ones", async () => {
    const server = await startTestOrchestrator({ shutdownTimeoutMs: 300 });
    const { runner } = await RawRunner.open(server.grpcAddress);
    const stopped = server.stop();
    await runner.next("goAway");
    const late = new RawRunner(server.grpcAddress);
    late.hello();
    expect((await late.ended).code).toBe(status.UNAVAILABLE);
    await stopped;
    expect((await runner.ended).code).toBe(status.UNAVAILABLE);
  });

  it("is the same for everybody who asks for it", async () => {
    const server = await startTestOrchestrator();
    await Promise.all([server.stop(), server.stop()]);
    await expect(fetch(`http://${server.httpAddress}/healthz`)).rejects.toThrow();
  });
});

describe("the process", () => {
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));

  function run(args: readonly string[]): { readonly child: ChildProcess; readonly output: () => string } {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("TASKGROVE_")));
    const child = spawn(process.execPath, [main, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => (text += String(data)));
    return { child, output: () => text };
  }

  async function listening(child: ChildProcess): Promise<{ grpcAddress: string; httpAddress: string }> {
    if (child.stdout === null) throw new Error("no output");
    for await (const line of createInterface({ input: child.stdout })) {
      const entry = JSON.parse(line) as { msg: string; grpcAddress: string; httpAddress: string };
      if (entry.msg === "listening") return entry;
    }
    throw new Error("ended without listening");
  }

  const flags = () => ["--grpc-port=0", "--http-port=0", `--sqlite-file=${join(folder, "jobs.db")}`];

  it("serves until SIGTERM and then ends with 0", async () => {
    const { child } = run(flags());
    const { grpcAddress, httpAddress } = await listening(child);
    child.stdout?.resume();
    expect((await fetch(`http://${httpAddress}/readyz`)).status).toBe(200);
    const { runner } = await RawRunner.open(grpcAddress);
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await runner.next("goAway");
    await runner.break();
    expect(await exited).toEqual([0, null]);
  });

  it("ends with 0 when it is told to stop before it has started", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const { child, output } = run(["--store=mongodb", `--mongodb-uri=mongodb://127.0.0.1:${port}`]);
    await once(silent, "connection");
    child.kill("SIGTERM");
    expect(await once(child, "close")).toEqual([0, null]);
    expect(output()).toContain("asked to stop");
    silent.close();
  });

  it("refuses a bad configuration with all problems", async () => {
    const { child, output } = run(["--grpc-prot=1", "--lease-duration=soon"]);
    expect(await once(child, "close")).toEqual([2, null]);
    expect(output()).toContain("did you mean --grpc-port?");
    expect(output()).toContain('--lease-duration is "soon"');
  });

  it("does not share its store with another one", async () => {
    await using server = await startTestOrchestrator({
      store: { kind: "sqlite", file: join(folder, "jobs.db"), synchronous: "normal" },
    });
    expect(server.grpcAddress).toMatch(/^127\.0\.0\.1:\d+$/);
    const { child, output } = run(flags());
    expect(await once(child, "close")).toEqual([1, null]);
    expect(output()).toContain("could not start");
  });
});
