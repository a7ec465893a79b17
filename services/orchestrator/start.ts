import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Config, StoreConfig } from "./config.ts";
import type { Engine } from "./engine/api.ts";
import { type Clock, systemClock } from "./engine/clock.ts";
import { createEngine } from "./engine/engine.ts";
import { createIds } from "./engine/ids.ts";
import type { EngineLogger } from "./engine/settings.ts";
import { createRpcServer, type RpcServer } from "./rpc/server.ts";
import { openSqliteStore } from "./store/sqlite/index.ts";
import type { Store } from "./store/store.ts";
import { type HttpServer, startHttpServer } from "./telemetry/http-server.ts";
import { createLogger } from "./telemetry/logger.ts";
import { createMetrics } from "./telemetry/metrics.ts";

/** An orchestrator that serves. */
export interface Orchestrator {
  /** `host:port` for runners and submitters. */
  readonly grpcAddress: string;
  /** `host:port` for metrics and health. */
  readonly httpAddress: string;
  readonly engine: Engine;
  /**
   * Stops gracefully: runners are sent elsewhere, what has been handed in is finished, and everything is closed. Takes no longer than the
   * shutdown timeout, about. A second call waits for the first.
   */
  stop(): Promise<void>;
}

/** What can be put in from outside. */
export interface StartOptions {
  readonly logger?: EngineLogger;
  readonly clock?: Clock;
}

/** How long runners get to go elsewhere, as a part of the shutdown timeout. The rest is for finishing and closing. */
const LEAVING_SHARE = 0.3;
const FINISHING_SHARE = 0.5;
const CLOSING_SHARE = 0.2;
const READY_TIMEOUT_MS = 2_000;

/** Starts an orchestrator. Rejects with a sentence for people when an address or the store cannot be used; nothing is left open then. */
export async function startOrchestrator(config: Config, options: StartOptions = {}): Promise<Orchestrator> {
  const logger = options.logger ?? createLogger(config.logLevel);
  const clock = options.clock ?? systemClock;
  const metrics = createMetrics();
  const opened = new AsyncDisposableStack();
  try {
    const store = opened.adopt(await openStore(config.store, logger, metrics.storeRoundTrip), (one) => one.close());
    metrics.watchStoreSize(async () => (await store.storeStats()).sizeBytes);
    const engine = await createEngine({
      store,
      limits: config.limits,
      settings: config.settings,
      clock,
      ids: createIds(clock.now),
      random: Math.random,
      observer: metrics.observer,
      logger,
    });
    opened.adopt(engine, (one) => one.stop());
    const rpc = opened.adopt(createRpcServer(engine, logger), (one) => one.close(0));
    const grpcAddress = await rpc.listen(config.grpcHost, config.grpcPort);
    let stopping: Promise<void> | null = null;
    const http = await startHttpServer({
      host: config.httpHost,
      port: config.httpPort,
      metrics,
      whyNotReady: async () => (stopping === null ? whyStoreIsAway(store) : "the orchestrator stops"),
      logger,
    });
    opened.move();
    return {
      grpcAddress,
      httpAddress: http.address,
      engine,
      stop() {
        stopping ??= stop({ store, engine, rpc, http, logger, timeoutMs: config.shutdownTimeoutMs });
        return stopping;
      },
    };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

async function openStore(config: StoreConfig, logger: EngineLogger, onRoundTrip: () => void): Promise<Store> {
  if (config.kind === "mongodb") {
    // Who uses the embedded store need not load the other driver: it takes a fifth of a second.
    const { openMongoStore } = await import("./store/mongodb/index.ts");
    return openMongoStore({ uri: config.uri, database: config.database, logger, onRoundTrip });
  }
  const { file, synchronous } = config;
  if (file === null) return openSqliteStore({ file });
  mkdirSync(dirname(file), { recursive: true });
  return openSqliteStore({ file, synchronous: synchronous === "full" ? "FULL" : "NORMAL" });
}

interface Parts {
  readonly store: Store;
  readonly engine: Engine;
  readonly rpc: RpcServer;
  readonly http: HttpServer;
  readonly logger: EngineLogger;
  readonly timeoutMs: number;
}

/** Each step has its share of the time; one that hangs is left behind, since the store protects what has been acknowledged. */
async function stop({ store, engine, rpc, http, logger, timeoutMs }: Parts): Promise<void> {
  logger.info({}, "stopping");
  await within(timeoutMs * LEAVING_SHARE, rpc.leave("the orchestrator stops"));
  if (!(await within(timeoutMs * FINISHING_SHARE, engine.stop()))) logger.warn({}, "the engine did not stop in time");
  await rpc.close(timeoutMs * CLOSING_SHARE);
  await http.stop();
  if (!(await within(timeoutMs * CLOSING_SHARE, store.close()))) logger.warn({}, "the store did not close in time");
  logger.info({}, "stopped");
}

async function whyStoreIsAway(store: Store): Promise<string | null> {
  try {
    return (await within(READY_TIMEOUT_MS, store.storeStats())) ? null : "the store does not answer";
  } catch {
    return "the store is not available";
  }
}

/** Whether it came to an end in this time. */
async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), ms);
  try {
    return await Promise.race([work.then(() => true as const), promise]);
  } finally {
    clearTimeout(timer);
  }
}
