const INTERVAL_MS = 500;

/** The line that shows what is going on. On a terminal it stays the last one and is drawn anew; elsewhere only whole steps are printed. */
export class Progress {
  readonly #output: NodeJS.WriteStream;
  readonly #startMs = performance.now();
  readonly #timer: NodeJS.Timeout | undefined;
  #step = "";
  #detail = "";

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
    if (output.isTTY) this.#timer = setInterval(() => this.#draw(), INTERVAL_MS);
  }

  /** A new step begins. */
  step(text: string): void {
    this.#step = text;
    this.#detail = "";
    if (this.#output.isTTY) this.#draw();
    else this.#output.write(`${text} (${this.#elapsed()})\n`);
  }

  /** What is going on within the step. */
  detail(text: string): void {
    this.#detail = text;
  }

  /** Prints a line for good, to `stream`, above the progress. */
  print(line: string, stream: NodeJS.WriteStream): void {
    this.#erase();
    stream.write(`${line}\n`);
    this.#draw();
  }

  /** Ends it. */
  stop(): void {
    clearInterval(this.#timer);
    this.#erase();
    this.#step = "";
  }

  #draw(): void {
    if (!this.#output.isTTY || this.#step === "") return;
    const text = [this.#step, this.#detail, this.#elapsed()].filter((part) => part !== "").join(" · ");
    this.#erase();
    this.#output.write(text.slice(0, this.#output.columns - 1));
  }

  #erase(): void {
    if (this.#output.isTTY) this.#output.write("\r\x1b[K");
  }

  #elapsed(): string {
    return `${((performance.now() - this.#startMs) / 1_000).toFixed(0)} s`;
  }
}
