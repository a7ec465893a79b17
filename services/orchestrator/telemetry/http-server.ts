import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { EngineLogger } from "../engine/settings.ts";
import type { Metrics } from "./metrics.ts";

/** Metrics and health over HTTP, for Prometheus and for whatever restarts processes. */
export interface HttpServer {
  /** `host:port`. */
  readonly address: string;
  stop(): Promise<void>;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly metrics: Metrics;
  /** Why the orchestrator should get no calls at the moment; null when it may. */
  readonly whyNotReady: () => Promise<string | null>;
  readonly logger: EngineLogger;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Starts the server. Rejects with a sentence when the address cannot be used. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, logger } = options;
  const server = createServer((request, response) => {
    answer(request, options).then(
      (content) => send(request, response, content),
      (error: unknown) => {
        logger.error({ err: error, path: request.url }, "HTTP request failed unexpectedly");
        send(request, response, text(500, "internal error; the log says more"));
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Error(`cannot listen for HTTP on ${formatHost(host)}:${port}: ${error.message}`, { cause: error })),
    );
    server.listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;
  return {
    address: `${formatHost(host)}:${bound.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, options: HttpServerOptions): Promise<Answer> {
  if (request.method !== "GET" && request.method !== "HEAD") return text(405, "only GET and HEAD");
  switch (request.url?.split("?", 1)[0]) {
    case "/metrics":
      return { status: 200, type: options.metrics.contentType, body: await options.metrics.render() };
    case "/healthz":
      return text(200, "ok");
    case "/readyz": {
      const problem = await options.whyNotReady();
      return problem === null ? text(200, "ready") : text(503, problem);
    }
    default:
      return text(404, "here are /metrics, /healthz and /readyz");
  }
}

function text(status: number, body: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body: `${body}\n` };
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(request.method === "HEAD" ? undefined : body);
}

function formatHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
