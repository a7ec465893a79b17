import { type DestinationStream, type Logger, pino } from "pino";

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Lease tokens are secrets: whoever has one can end the attempt. Nobody logs them; should somebody, they are blotted out. */
const SECRETS = ["leaseToken", "*.leaseToken", "*.*.leaseToken", "settledToken", "*.settledToken"];

/** Makes a logger that writes one JSON object a line, to standard output unless told otherwise. */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { service: "taskgrove-orchestrator", pid: process.pid },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRETS, censor: "[secret]" },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
