// C0, DEL and C1: what could move the cursor, colour the terminal or ring its bell. Bidirectional overrides could reorder what is read.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const unsafe = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with a control character
const escapeSequence = /\u001b\[[0-9;?]*[A-Za-z]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with a control character
const escapeSplit = /(\u001b\[[0-9;?]*[A-Za-z])/;
const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]$|^\p{Emoji_Presentation}$|^[\u{20000}-\u{3fffd}]$/u;
const plainText = /^[\x20-\x7e]*$/;

/**
 * Text that others wrote (names, displays, messages), on one line and harmless in a terminal: line breaks and tabs become spaces, other control
 * characters are dropped.
 */
export function oneLine(text: string): string {
  return text.replace(/[\n\r\t]+/g, " ").replace(unsafe, "");
}

/** Removes escape sequences that {@link createStyle} added. */
export function stripStyle(text: string): string {
  return text.replace(escapeSequence, "");
}

/** How many terminal columns a text takes. Escape sequences take none. */
export function textWidth(text: string): number {
  if (plainText.test(text)) return text.length;
  let width = 0;
  for (const character of stripStyle(text)) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): number {
  if (zeroWidth.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

/** Cuts a text without escape sequences to so many columns; what was cut ends in an ellipsis. */
export function truncate(text: string, columns: number): string {
  if (columns <= 0) return "";
  if (textWidth(text) <= columns) return text;
  let width = 0;
  let kept = "";
  for (const character of text) {
    width += characterWidth(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Cuts a text that may contain escape sequences; they are kept, so that a style that began also ends. */
export function truncateStyled(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  let left = Math.max(columns - 1, 0);
  let cut = false;
  let kept = "";
  for (const piece of text.split(escapeSplit)) {
    if (piece.startsWith("\u001b[")) {
      kept += piece;
    } else if (!cut) {
      const width = textWidth(piece);
      if (width <= left) {
        kept += piece;
        left -= width;
      } else {
        kept += truncate(piece, left + 1);
        cut = true;
      }
    }
  }
  return kept;
}

/** Fills a text up with spaces to so many columns. */
export function padEnd(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - textWidth(text)));
}

/** Puts spaces before a text up to so many columns. */
export function padStart(text: string, columns: number): string {
  return " ".repeat(Math.max(0, columns - textWidth(text))) + text;
}
