import { type Config, defaultConfig } from "../config.ts";
import type { Clock } from "../engine/clock.ts";
import { type Orchestrator, startOrchestrator } from "../start.ts";
import { createLogger } from "../telemetry/logger.ts";

/** An orchestrator on free ports and a temporary store, stopped at the end of its scope. */
export interface TestOrchestrator extends Orchestrator, AsyncDisposable {}

/** Starts one. `overrides` as for `defaultConfig`. */
export async function startTestOrchestrator(overrides: Partial<Config> = {}, clock?: Clock): Promise<TestOrchestrator> {
  const config = defaultConfig({
    grpcPort: 0,
    httpPort: 0,
    store: { kind: "sqlite", file: null, synchronous: "normal" },
    shutdownTimeoutMs: 2_000,
    ...overrides,
  });
  const logger = createLogger("error");
  const orchestrator = await startOrchestrator(config, clock === undefined ? { logger } : { logger, clock });
  return { ...orchestrator, [Symbol.asyncDispose]: () => orchestrator.stop() };
}
