import type { Limits } from "../domain/limits.ts";
import type { Store } from "../store/store.ts";
import type { Clock } from "./clock.ts";
import type { Ids } from "./ids.ts";
import type { EngineObserver } from "./observer.ts";

/** How the engine paces itself. All times in milliseconds. */
export interface EngineSettings {
  /** A session is lost when nothing is heard of it for this long. */
  readonly leaseDurationMs: number;
  readonly heartbeatIntervalMs: number;
  readonly pingIntervalMs: number;
  /** Jobs that ended longer ago are deleted; 0: never. */
  readonly retentionMs: number;
  /** Rows that background work may touch in one batch. Larger submissions are unpacked in slices of this. */
  readonly sliceSize: number;
  /** Outcomes, submissions and other commands that one batch may take; also the most grants of one batch. */
  readonly maxBatch: number;
  /** The lost lease that fails a task. */
  readonly maxCrashes: number;
  /**
   * Who asks for something is told UNAVAILABLE when the store has not answered for this long. The step may have been committed all the same, or may yet be:
   * that is what UNAVAILABLE means; an idempotency key makes asking again safe.
   */
  readonly patienceMs: number;
}

export const DEFAULT_SETTINGS: EngineSettings = {
  leaseDurationMs: 30_000,
  heartbeatIntervalMs: 10_000,
  pingIntervalMs: 15_000,
  retentionMs: 7 * 24 * 3_600_000,
  sliceSize: 1_000,
  maxBatch: 500,
  maxCrashes: 10,
  patienceMs: 10_000,
};

/** Where the engine says what went wrong; a subset of pino's interface. */
export interface EngineLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Everything that the engine is given from outside. */
export interface EngineOptions {
  readonly store: Store;
  readonly limits: Limits;
  readonly settings: EngineSettings;
  readonly clock: Clock;
  readonly ids: Ids;
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly observer: EngineObserver;
  readonly logger: EngineLogger;
}
