import { Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Engine } from "../engine/api.ts";
import type { EngineLogger } from "../engine/settings.ts";
import { CacheServiceService } from "../gen/taskgrove/v1/cache.ts";
import { ClusterServiceService } from "../gen/taskgrove/v1/cluster.ts";
import { createCacheService } from "./cache-service.ts";
import type { RpcContext } from "./calls.ts";
import { createClusterService } from "./cluster-service.ts";
import { addHealth } from "./health.ts";
import { createJobService, JOB_SERVICE } from "./job-service.ts";
import { createQueueDirectory } from "./queue-directory.ts";
import { addReflection } from "./reflection.ts";
import { createRunnerService, RUNNER_SERVICE } from "./runner-service.ts";

const SERVICES = [
  "taskgrove.v1.JobService",
  "taskgrove.v1.RunnerService",
  "taskgrove.v1.ClusterService",
  "taskgrove.v1.CacheService",
];

/** HTTP/2 pings find connections whose other end is gone without a word. */
const KEEPALIVE_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;

/** The gRPC server. */
export interface RpcServer {
  /** Listens; port 0 picks a free one. Resolves to `host:port`. Rejects with a sentence when the address cannot be used. */
  listen(host: string, port: number): Promise<string>;
  /** Health says NOT_SERVING, streams end or are told to go away. Resolves when all runners have gone. */
  leave(reason: string): Promise<void>;
  /** Ends the streams of runners that have stayed, lets calls that run end for at most `graceMs`, then cuts them. */
  close(graceMs: number): Promise<void>;
}

/** Makes the server with all services, health and reflection. */
export function createRpcServer(engine: Engine, logger: EngineLogger): RpcServer {
  const context: RpcContext = { engine, logger, queues: createQueueDirectory(engine.reads) };
  const jobs = createJobService(context);
  const runners = createRunnerService(context);
  const server = new Server({
    "grpc.max_receive_message_length": engine.limits.maxMessageBytes,
    "grpc.max_send_message_length": -1,
    "grpc.keepalive_time_ms": KEEPALIVE_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
  });
  server.addService(JOB_SERVICE, untyped(jobs.handlers));
  server.addService(RUNNER_SERVICE, untyped(runners.handlers));
  server.addService(ClusterServiceService, untyped(createClusterService(context)));
  server.addService(CacheServiceService, untyped(createCacheService(context)));
  const health = addHealth(server, SERVICES);
  addReflection(server);

  return {
    async listen(host, port) {
      const bound = await bind(server, host, port);
      health.setServing(true);
      return formatAddress(host, bound);
    },
    leave(reason) {
      health.setServing(false);
      jobs.leave();
      return runners.leave(reason);
    },
    close(graceMs) {
      runners.close();
      return shutDown(server, graceMs);
    },
  };
}

/** `host:port`, with brackets around an IPv6 host. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function bind(server: Server, host: string, port: number): Promise<number> {
  const address = formatAddress(host, port);
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(new Error(`cannot listen for gRPC on ${address}: ${error.message}`, { cause: error }));
    });
  });
}

function shutDown(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** grpc-js asks for an index signature; the handlers themselves are checked where they are made. */
function untyped(handlers: object): UntypedServiceImplementation {
  return handlers as UntypedServiceImplementation;
}
