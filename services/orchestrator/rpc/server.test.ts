import { createRequire } from "node:module";
import { Client, credentials, type MethodDefinition, status } from "@grpc/grpc-js";
import { loadSync, type ServiceDefinition } from "@grpc/proto-loader";
import { service as health } from "grpc-health-check";
import { describe, expect, it } from "vitest";
import { defaultConfig } from "../config.ts";
import { JobServiceService } from "../gen/taskgrove/v1/job_service.ts";
import type { Grant } from "../gen/taskgrove/v1/lease.ts";
import { startOrchestrator } from "../start.ts";
import { createLogger } from "../telemetry/logger.ts";
import { aJob, RawClient } from "../testing/raw-client.ts";
import { leaseOf, RawRunner } from "../testing/raw-runner.ts";
import { startTestOrchestrator } from "../testing/test-orchestrator.ts";

const REFLECTION_PROTO = createRequire(createRequire(import.meta.url).resolve("@grpc/reflection")).resolve(
  "../proto/grpc/reflection/v1/reflection.proto",
);

const check = health.Check as MethodDefinition<{ service: string }, { status: string }>;
const watchHealth = health.Watch as typeof check;

async function get(address: string, path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://${address}${path}`);
  return { status: response.status, body: await response.text() };
}

describe("the server", () => {
  it("says over gRPC that it is healthy, as a whole and by service", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    for (const service of ["", "taskgrove.v1.JobService", "taskgrove.v1.RunnerService"]) {
      expect(await client.unary(check, { service })).toEqual({ status: "SERVING" });
    }
    await expect(client.unary(check, { service: "nothing" })).rejects.toMatchObject({ code: status.NOT_FOUND });
  });

  it("says that it stops before it stops", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const call = client.serverStream(watchHealth, { service: "" });
    call.on("error", () => {});
    const seen: string[] = [];
    call.on("data", (message: { status: string }) => seen.push(message.status));
    const ended = new Promise((resolve) => call.on("end", resolve));
    await new Promise((resolve) => call.once("data", resolve));
    await server.stop();
    await ended;
    expect(seen).toEqual(["SERVING", "NOT_SERVING"]);
  });

  it("describes itself by reflection", async () => {
    await using server = await startTestOrchestrator();
    const client = new Client(server.grpcAddress, credentials.createInsecure());
    const service = loadSync(REFLECTION_PROTO)["grpc.reflection.v1.ServerReflection"] as ServiceDefinition;
    const method = service.ServerReflectionInfo as MethodDefinition<object, Record<string, unknown>>;
    const call = client.makeBidiStreamRequest(method.path, method.requestSerialize, method.responseDeserialize);
    const ask = async (request: object) => {
      call.write(request);
      return new Promise<Record<string, unknown>>((resolve) => call.once("data", resolve));
    };
    const { listServicesResponse } = await ask({ listServices: "" });
    expect((listServicesResponse as { service: { name: string }[] }).service.map(({ name }) => name).sort()).toEqual([
      "grpc.health.v1.Health",
      "taskgrove.v1.CacheService",
      "taskgrove.v1.ClusterService",
      "taskgrove.v1.JobService",
      "taskgrove.v1.RunnerService",
    ]);
    const found = await ask({ fileContainingSymbol: "taskgrove.v1.RunnerService" });
    expect(found.fileDescriptorResponse).toBeTruthy();
    call.end();
    client.close();
  });

  it("shows metrics of what went through it", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    await client.unary(JobServiceService.submitJob, aJob(["a", "b", "c"]));
    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 1 });
    await using _ = runner;
    const [grant] = await runner.grants(1);
    runner.outcomes(leaseOf(grant as Grant));
    await runner.next("acks");
    await runner.grants(1);
    const lines = (await get(server.httpAddress, "/metrics")).body.split("\n");
    const labels = 'cluster="default",task="Task",version="v1.0"';
    expect(lines).toContain(`taskgrove_grants_total{${labels}} 2`);
    expect(lines).toContain(`taskgrove_outcomes_total{${labels},result="computed"} 1`);
    expect(lines).toContain(`taskgrove_tasks_queued{${labels}} 1`);
    expect(lines).toContain(`taskgrove_tasks_running{${labels}} 1`);
    expect(lines).toContain('taskgrove_sessions{cluster="default"} 1');
    expect(lines).toContain("taskgrove_jobs_submitted_total 1");
    expect(await get(server.httpAddress, "/readyz")).toEqual({ status: 200, body: "ready\n" });

    await runner.end();
    await client.unary(JobServiceService.submitJob, aJob());
    const after = (await get(server.httpAddress, "/metrics")).body.split("\n");
    expect(after).toContain('taskgrove_sessions{cluster="default"} 0');
    expect(after).toContain('taskgrove_sessions_closed_total{cluster="default",cause="ended"} 1');
    expect(after).toContain(`taskgrove_tasks_running{${labels}} 0`);
  });

  it("says clearly that its port is taken, and leaves nothing open", async () => {
    await using server = await startTestOrchestrator();
    const grpcPort = Number(server.grpcAddress.split(":")[1]);
    const store = { kind: "sqlite", file: null, synchronous: "normal" } as const;
    const config = defaultConfig({ grpcPort, httpPort: 0, store });
    await expect(startOrchestrator(config, { logger: createLogger("silent") })).rejects.toThrow(
      `cannot listen for gRPC on 127.0.0.1:${grpcPort}`,
    );
  });
});
