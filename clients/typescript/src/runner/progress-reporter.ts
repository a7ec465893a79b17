import type { Attempt } from "./attempt.ts";

const intervalMs = 200;

/** Reports changed attempts, each at most once per interval. */
export class ProgressReporter {
  readonly #report: (attempt: Attempt) => void;
  readonly #changed = new Set<Attempt>();
  #timer: NodeJS.Timeout | undefined;

  constructor(report: (attempt: Attempt) => void) {
    this.#report = report;
  }

  changed(attempt: Attempt): void {
    this.#changed.add(attempt);
    this.#timer ??= setTimeout(() => this.#flush(), intervalMs);
  }

  /** It has ended: its outcome tells all. */
  forget(attempt: Attempt): void {
    this.#changed.delete(attempt);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #flush(): void {
    this.#timer = undefined;
    for (const attempt of this.#changed) this.#report(attempt);
    this.#changed.clear();
  }
}
