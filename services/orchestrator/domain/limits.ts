/** Limits on what callers send. Lengths are in characters (code points), sizes in bytes. All are configurable. */
export interface Limits {
  /** One task's input. */
  readonly maxInputBytes: number;
  /** Job names, task identifier names and runner names. */
  readonly maxNameLength: number;
  readonly maxDisplayLength: number;
  /** One message on the wire. */
  readonly maxMessageBytes: number;
  /** Tasks in one frame or one submission; more subtasks come in parts. */
  readonly maxSubtasksPerFrame: number;
  /** Retries that a task may ask for. */
  readonly maxRetries: number;
  /** Progress labels of one task. */
  readonly maxProgressLabels: number;
  readonly maxProgressLabelLength: number;
  readonly maxIdempotencyKeyLength: number;
  /** An error's message and details are cut, not refused: an attempt must be able to fail. */
  readonly maxErrorLength: number;
  /** Credits that one session may hold. */
  readonly maxCredits: number;
  /** Identifiers that one runner may register. */
  readonly maxIdentifiers: number;
  readonly maxCacheKeyLength: number;
  readonly maxCacheValueBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  maxInputBytes: 64 * 1024,
  maxNameLength: 256,
  maxDisplayLength: 1024,
  maxMessageBytes: 16 * 1024 * 1024,
  maxSubtasksPerFrame: 10_000,
  maxRetries: 1_000_000,
  maxProgressLabels: 1_000,
  maxProgressLabelLength: 100,
  maxIdempotencyKeyLength: 256,
  maxErrorLength: 8 * 1024,
  maxCredits: 10_000,
  maxIdentifiers: 1_000,
  maxCacheKeyLength: 1_024,
  maxCacheValueBytes: 256 * 1024 * 1024,
};
