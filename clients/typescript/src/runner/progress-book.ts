import type { ProgressBar } from "../context.ts";
import type { Progress } from "../gen/taskgrove/v1/task.ts";

/** The progress bars of one attempt. */
export class ProgressBook {
  readonly #bars = new Map<string, Progress>();
  readonly #changed: () => void;

  /** `changed` is called after every change. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  bar(label: string): ProgressBar {
    return {
      add: (count) => this.#raise(label, "total", count),
      done: (count) => this.#raise(label, "done", count),
    };
  }

  /** All labels as they stand. */
  all(): Progress[] {
    return Array.from(this.#bars.values(), (bar) => ({ ...bar }));
  }

  #raise(label: string, field: "total" | "done", count: number): void {
    if (!Number.isSafeInteger(count) || count < 0) throw new TypeError(`progress must be a whole number, not ${count}`);
    const bar = this.#bars.get(label) ?? { label, total: 0, done: 0 };
    bar[field] += count;
    this.#bars.set(label, bar);
    this.#changed();
  }
}
