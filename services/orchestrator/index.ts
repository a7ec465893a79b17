/** The orchestrator as a library: for the command line, for tests of users, and for whoever embeds it. */
export {
  type Config,
  type ConfigResult,
  defaultConfig,
  describeStore,
  loadConfig,
  type StoreConfig,
} from "./config.ts";
export { DEFAULT_LIMITS, type Limits } from "./domain/limits.ts";
export type { Engine } from "./engine/api.ts";
export { type Orchestrator, type StartOptions, startOrchestrator } from "./start.ts";
export { createLogger, type LogLevel } from "./telemetry/logger.ts";
