import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../domain/limits.ts";
import { CacheServiceService, type CacheWriter, ListValuesRequest } from "../gen/taskgrove/v1/cache.ts";
import type { Grant } from "../gen/taskgrove/v1/lease.ts";
import { build } from "../testing/build.ts";
import { RawClient, readAll } from "../testing/raw-client.ts";
import { leaseOf, RawRunner } from "../testing/raw-runner.ts";
import { refusal, submit } from "../testing/requests.ts";
import { startTestOrchestrator } from "../testing/test-orchestrator.ts";

async function put(client: RawClient, jobId: string, key: string, chunks: readonly Buffer[], writer?: CacheWriter) {
  const { call, response } = client.clientStream(CacheServiceService.putValue);
  call.write({ frame: { $case: "header", value: { jobId, key, writer } } });
  for (const value of chunks) call.write({ frame: { $case: "data", value } });
  call.end();
  return response;
}

async function get(client: RawClient, jobId: string, key: string) {
  const { messages, status: ended } = await readAll(client.serverStream(CacheServiceService.getValue, { jobId, key }));
  const first = messages[0]?.frame;
  const data = messages.slice(1).map(({ frame }) => (frame?.$case === "data" ? frame.value : Buffer.alloc(0)));
  return { code: ended.code, described: first?.$case === "value" ? first.value : undefined, data: Buffer.concat(data) };
}

const bytes = (length: number, seed: number) =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + seed) % 256));

describe("the job cache", () => {
  it("gives back what was put, whatever the chunks", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client);
    const chunks = [bytes(1, 1), bytes(900_000, 2), bytes(0, 0), bytes(262_144, 3), bytes(77, 4)];
    const whole = Buffer.concat(chunks);
    expect(await put(client, jobId, "tiles/1/2", chunks)).toEqual({ size: whole.length });
    const read = await get(client, jobId, "tiles/1/2");
    expect(read).toMatchObject({ code: status.OK, described: { key: "tiles/1/2", size: whole.length } });
    expect(read.data.equals(whole)).toBe(true);

    expect(await put(client, jobId, "tiles/1/2", [])).toEqual({ size: 0 });
    expect(await get(client, jobId, "tiles/1/2")).toMatchObject({ code: status.OK, described: { size: 0 } });
  });

  it("refuses a chunk of more than 1 MiB, and stores nothing of it", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client);
    const refused = await refusal(put(client, jobId, "large", [bytes(1024 * 1024 + 1, 1)]));
    expect(refused).toMatchObject({ code: status.INVALID_ARGUMENT, reason: "LIMIT_EXCEEDED" });
    expect((await get(client, jobId, "large")).code).toBe(status.NOT_FOUND);
    expect(await put(client, jobId, "large", [bytes(1024 * 1024, 1)])).toEqual({ size: 1024 * 1024 });
  });

  it("lists keys by prefix and by group, in pages, and deletes them", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client);
    for (const key of ["a", "tiles/0", "tiles/1/0", "tiles/1/1", "tiles/2/0"])
      await put(client, jobId, key, [bytes(3, 1)]);
    const list = (changes: object) =>
      client.unary(CacheServiceService.listValues, build(ListValuesRequest, { jobId, ...changes }));
    const keys = async (changes: object) => (await list(changes)).values.map((value) => value.key);
    expect(await keys({})).toEqual(["a", "tiles/0", "tiles/1/0", "tiles/1/1", "tiles/2/0"]);
    const group = await list({ prefix: "tiles/", directOnly: true });
    expect(group.values.map((value) => value.key)).toEqual(["tiles/0"]);
    expect(group.groups).toEqual(["tiles/1/", "tiles/2/"]);
    const page = await list({ pageSize: 2 });
    expect(await keys({ pageSize: 3, pageToken: page.nextPageToken })).toEqual(["tiles/1/0", "tiles/1/1", "tiles/2/0"]);

    const remove = (target: { $case: "key" | "prefix"; value: string }) =>
      client.unary(CacheServiceService.deleteValue, { jobId, target, writer: undefined });
    expect(await remove({ $case: "prefix", value: "tiles/1/" })).toEqual({ deleted: 2 });
    expect(await remove({ $case: "key", value: "a" })).toEqual({ deleted: 1 });
    expect(await remove({ $case: "key", value: "a" })).toEqual({ deleted: 0 });
    expect(await keys({})).toEqual(["tiles/0", "tiles/2/0"]);
  });

  it("refuses a write under a superseded token", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client);
    const first = await RawRunner.open(server.grpcAddress, { credits: 1 });
    const old = leaseOf((await first.runner.grants(1))[0] as Grant);
    await put(client, jobId, "result", [Buffer.from("by the first attempt")], old);
    await first.runner.end();
    const { runner } = await RawRunner.open(server.grpcAddress, { credits: 1 });
    await using _ = runner;
    const current = leaseOf((await runner.grants(1))[0] as Grant);
    await put(client, jobId, "result", [Buffer.from("by the second attempt")], current);

    const stale = { code: status.FAILED_PRECONDITION, reason: "STALE_LEASE" };
    expect(await refusal(put(client, jobId, "result", [Buffer.from("late")], old))).toMatchObject(stale);
    const target = { $case: "key" as const, value: "result" };
    const remove = client.unary(CacheServiceService.deleteValue, { jobId, target, writer: old });
    expect(await refusal(remove)).toMatchObject(stale);
    expect((await get(client, jobId, "result")).data.toString()).toBe("by the second attempt");
  });

  it("refuses what is too large, and keeps nothing of it", async () => {
    const limits = { ...DEFAULT_LIMITS, maxCacheValueBytes: 1_000 };
    await using server = await startTestOrchestrator({ limits });
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client);
    const refused = await refusal(put(client, jobId, "large", [bytes(600, 1), bytes(401, 1)]));
    expect(refused).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "VALUE_TOO_LARGE" });
    expect(refused.details).toMatch(/max_cache_value_bytes.*1000/);
    expect((await get(client, jobId, "large")).code).toBe(status.NOT_FOUND);
    expect(await put(client, jobId, "large", [bytes(1_000, 1)])).toEqual({ size: 1_000 });
  });

  it("keeps nothing of a write that is broken off", async () => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const jobId = await submit(client);
    await put(client, jobId, "value", [Buffer.from("whole")]);
    const { call, response } = client.clientStream(CacheServiceService.putValue);
    call.write({ frame: { $case: "header", value: { jobId, key: "value", writer: undefined } } });
    await new Promise((resolve) => call.write({ frame: { $case: "data", value: bytes(500_000, 1) } }, resolve));
    call.cancel();
    expect((await refusal(response)).code).toBe(status.CANCELLED);
    expect((await get(client, jobId, "value")).data.toString()).toBe("whole");
  });

  it.each<[string, number, RegExp, (client: RawClient, jobId: string) => Promise<unknown>]>([
    ["an empty key", status.INVALID_ARGUMENT, /key/, (client, jobId) => put(client, jobId, "", [])],
    ["an empty part", status.INVALID_ARGUMENT, /key/, (client, jobId) => put(client, jobId, "a//b", [])],
    ["a long key", status.INVALID_ARGUMENT, /key.*1024/, (client, jobId) => put(client, jobId, "k".repeat(1_025), [])],
    ["no job", status.NOT_FOUND, /job/, (client) => put(client, "nothing", "key", [])],
    [
      "no header",
      status.INVALID_ARGUMENT,
      /header/,
      (client) => {
        const { call, response } = client.clientStream(CacheServiceService.putValue);
        call.write({ frame: { $case: "data", value: Buffer.from("x") } });
        return response;
      },
    ],
  ])("refuses a write with %s", async (_name, code, message, write) => {
    await using server = await startTestOrchestrator();
    using client = new RawClient(server.grpcAddress);
    const refused = await refusal(write(client, await submit(client)));
    expect(refused.code).toBe(code);
    expect(refused.details).toMatch(message);
  });
});
