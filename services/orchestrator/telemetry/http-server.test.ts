import { afterEach, describe, expect, it } from "vitest";
import { type HttpServer, startHttpServer } from "./http-server.ts";
import { createLogger } from "./logger.ts";
import { createMetrics } from "./metrics.ts";

const running: HttpServer[] = [];

async function start(whyNotReady: () => Promise<string | null>): Promise<HttpServer> {
  const logger = createLogger("silent");
  const server = await startHttpServer({ host: "127.0.0.1", port: 0, metrics: createMetrics(), whyNotReady, logger });
  running.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

async function get(server: HttpServer, path: string): Promise<[status: number, body: string]> {
  const response = await fetch(`http://${server.address}${path}`);
  return [response.status, await response.text()];
}

describe("the HTTP server", () => {
  it("serves metrics and health", async () => {
    let problem: string | null = null;
    const server = await start(async () => problem);
    expect(await get(server, "/healthz")).toEqual([200, "ok\n"]);
    expect(await get(server, "/readyz?verbose")).toEqual([200, "ready\n"]);
    problem = "the orchestrator stops";
    expect(await get(server, "/readyz")).toEqual([503, "the orchestrator stops\n"]);
    expect(await get(server, "/healthz")).toEqual([200, "ok\n"]);
    const [status, body] = await get(server, "/metrics");
    expect(status).toBe(200);
    expect(body).toContain("# TYPE taskgrove_grants_total counter");
    expect((await get(server, "/"))[0]).toBe(404);
    const posted = await fetch(`http://${server.address}/metrics`, { method: "POST" });
    expect(posted.status).toBe(405);
  });

  it("answers a bug with 500 and no particulars", async () => {
    const server = await start(async () => {
      throw new Error("secret_table");
    });
    expect(await get(server, "/readyz")).toEqual([500, "internal error; the log says more\n"]);
  });

  it("says clearly that a port is taken", async () => {
    const server = await start(async () => null);
    const port = Number(server.address.split(":")[1]);
    const again = startHttpServer({
      host: "127.0.0.1",
      port,
      metrics: createMetrics(),
      whyNotReady: async () => null,
      logger: createLogger("silent"),
    });
    await expect(again).rejects.toThrow(`cannot listen for HTTP on 127.0.0.1:${port}`);
  });
});
