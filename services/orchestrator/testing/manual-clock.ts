import type { Clock } from "../engine/clock.ts";

/** A clock that only goes on when the test says so. */
export interface ManualClock extends Clock {
  /** Goes on by this many milliseconds and calls what became due, in order. */
  advance(ms: number): void;
  /** Goes on by this many milliseconds at once, as for a process that stood still: whatever became due is called late. */
  jump(ms: number): void;
}

/** Makes a clock that starts at a fixed time. */
export function createManualClock(start = Date.UTC(2026, 0, 1)): ManualClock {
  let now = start;
  let timers: { readonly at: number; readonly listener: () => void }[] = [];

  return {
    now: () => now,
    after(delayMs, listener) {
      const timer = { at: now + Math.max(delayMs, 0), listener };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(ms) {
      const until = now + ms;
      for (;;) {
        const next = timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        timers = timers.filter((timer) => timer !== next);
        now = Math.max(now, next.at);
        next.listener();
      }
      now = until;
    },
    jump(ms) {
      now += ms;
    },
  };
}
