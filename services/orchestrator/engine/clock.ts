/** Time, as the engine sees it. Tests pass their own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `listener` once, `delayMs` from now, unless the returned function is called before. */
  after(delayMs: number, listener: () => void): () => void;
}

/** The machine's clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, listener) {
    const timer = setTimeout(listener, Math.min(Math.max(delayMs, 0), 2 ** 31 - 1));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
