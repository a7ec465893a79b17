/** Where progress is shown: a terminal, or a file or pipe. */
export interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** On anything but a terminal each state is a line of its own, and so they are this far apart, in milliseconds. */
const LINE_EVERY_MS = 30_000;

/** One line about a long job: how long it takes already and what it does now. A terminal sees it change, a log gets it twice a minute. */
export class Progress {
  readonly #screen: Screen;
  readonly #what: string;
  readonly #now: () => number;
  readonly #startedAt: number;
  #shownAt: number;
  #state = "starting";

  constructor(screen: Screen, what: string, now: () => number = Date.now) {
    this.#screen = screen;
    this.#what = what;
    this.#now = now;
    this.#startedAt = now();
    this.#shownAt = this.#startedAt;
  }

  /** Says what the job does now. */
  show(state: string): void {
    this.#state = state;
    this.refresh();
  }

  /** Shows the same again with the time that it is now. To be called each second. */
  refresh(): void {
    const now = this.#now();
    const line = `${this.#what}: ${elapsed(now - this.#startedAt)}, ${this.#state}`;
    if (this.#screen.isTTY) this.#screen.write(`\r\u001b[2K${line}`);
    else if (now - this.#shownAt >= LINE_EVERY_MS) {
      this.#shownAt = now;
      this.#screen.write(`${line}\n`);
    }
  }

  /** Takes the line of a terminal away, so that the next one can be written there. */
  clear(): void {
    if (this.#screen.isTTY) this.#screen.write("\r\u001b[2K");
  }
}

/** `3 min 07 s`. */
export function elapsed(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds} s` : `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
}
