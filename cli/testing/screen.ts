// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with a control character
const sequenceOrCharacter = /\u001b\[[?0-9;]*[A-Za-z]|[^\u001b]/gu;

/**
 * A terminal as far as the command line uses one: it wraps at its width, scrolls at its height, moves the cursor up and erases. Shows what a
 * person would see.
 */
export class Screen {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows: number;
  writableNeedDrain = false;
  cursorVisible = true;
  writes = 0;
  /** All lines ever, those that have scrolled out of sight included. */
  readonly #lines: string[] = [""];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    this.writes++;
    for (const [piece] of text.matchAll(sequenceOrCharacter)) this.#take(piece);
  }

  /** What stands on the screen and above it, without empty lines at the end. */
  text(): string {
    return this.#lines
      .map((line) => line.trimEnd())
      .join("\n")
      .trimEnd();
  }

  #take(piece: string): void {
    if (piece.startsWith("\u001b[")) this.#obey(piece.slice(2));
    else if (piece === "\n") this.#moveTo(this.#row + 1, 0);
    else if (piece === "\r") this.#column = 0;
    else this.#print(piece);
  }

  #obey(sequence: string): void {
    if (sequence.endsWith("A")) this.#row = Math.max(this.#top(), this.#row - Number(sequence.slice(0, -1)));
    else if (sequence === "K") this.#set(this.#row, this.#line().slice(0, this.#column));
    else if (sequence === "J") this.#eraseBelow();
    else if (sequence === "?25l") this.cursorVisible = false;
    else if (sequence === "?25h") this.cursorVisible = true;
    else if (!sequence.endsWith("m") && !sequence.startsWith("?2026")) throw new Error(`unknown sequence ${sequence}`);
  }

  #top(): number {
    return Math.max(0, this.#lines.length - this.rows);
  }

  #line(): string {
    return this.#lines[this.#row] ?? "";
  }

  #set(row: number, text: string): void {
    this.#lines[row] = text;
  }

  #eraseBelow(): void {
    this.#set(this.#row, this.#line().slice(0, this.#column));
    for (let row = this.#row + 1; row < this.#lines.length; row++) this.#set(row, "");
  }

  #moveTo(row: number, column: number): void {
    this.#row = row;
    this.#column = column;
    while (this.#lines.length <= row) this.#lines.push("");
  }

  #print(character: string): void {
    if (this.#column >= this.columns) this.#moveTo(this.#row + 1, 0);
    const line = this.#line().padEnd(this.#column);
    this.#set(this.#row, line.slice(0, this.#column) + character + line.slice(this.#column + 1));
    this.#column += 1;
  }
}
