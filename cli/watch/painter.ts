import { textWidth } from "../format/text.ts";

/** The part of a terminal's stream that is used. */
export interface Terminal {
  write(text: string): unknown;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  readonly writableNeedDrain?: boolean | undefined;
}

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";
/** A terminal that knows these shows what is between them at once, so that nothing flickers; others ignore them. */
const beginUpdate = "\u001b[?2026h";
const endUpdate = "\u001b[?2026l";
const eraseLineEnd = "\u001b[K";
const eraseBelow = "\u001b[J";

/** Draws frames in the same place of a terminal. Call {@link Painter.finish} in the end, whatever happens. */
export class Painter {
  readonly #terminal: Terminal;
  #painted: readonly string[] = [];
  #active = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /**
   * Replaces the frame. Lines must not be wider than the terminal, nor be more than it has rows. Does nothing when nothing changed, or when the
   * terminal has not taken the frames before: frames may be dropped, they must not pile up.
   */
  paint(lines: readonly string[]): void {
    if (this.#terminal.writableNeedDrain === true) return;
    if (this.#active && sameLines(lines, this.#painted)) return;
    const text = lines.map((line) => `${line}${eraseLineEnd}\n`).join("");
    const start = this.#active ? this.#up() : hideCursor;
    this.#terminal.write(`${beginUpdate}${start}${text}${eraseBelow}${endUpdate}`);
    this.#painted = lines;
    this.#active = true;
  }

  /** Puts last lines in the place of the frame, or leaves the frame without any, and gives the cursor back. */
  finish(lines?: readonly string[]): void {
    const last = lines?.map((line) => `${line}${eraseLineEnd}\n`).join("") ?? "";
    if (this.#active)
      this.#terminal.write(lines === undefined ? showCursor : `${this.#up()}${last}${eraseBelow}${showCursor}`);
    else if (last !== "") this.#terminal.write(last.replaceAll(eraseLineEnd, ""));
    this.#active = false;
    this.#painted = [];
  }

  /** To the first line of the frame. After the terminal became narrower, a line may have been wrapped onto several. */
  #up(): string {
    const columns = this.#terminal.columns ?? Number.POSITIVE_INFINITY;
    let height = 0;
    for (const line of this.#painted) height += Math.max(1, Math.ceil(textWidth(line) / columns));
    const reachable = Math.min(height, (this.#terminal.rows ?? Number.POSITIVE_INFINITY) - 1);
    return reachable > 0 ? `\u001b[${reachable}A\r` : "\r";
  }
}

function sameLines(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, index) => line === b[index]);
}
