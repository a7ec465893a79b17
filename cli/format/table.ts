import { plainStyle, type Style } from "./style.ts";
import { padEnd, padStart, textWidth } from "./text.ts";

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  /** Numbers are aligned to the right. */
  readonly align?: "left" | "right";
}

/** Aligned columns under a line of titles; two spaces apart, no trailing spaces. Values may carry escape codes. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  style: Style = plainStyle,
): string[] {
  const titles = columns.map((column) => style("dim", column.title));
  const lines = [titles, ...rows.map((row) => columns.map((column) => column.value(row)))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => textWidth(line[index] ?? ""))));
  return lines.map((line) =>
    line
      .map((text, index) => align(columns[index], text, widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function align<Row>(column: Column<Row> | undefined, text: string, width: number): string {
  return column?.align === "right" ? padStart(text, width) : padEnd(text, width);
}

/** Names and values below one another, for one thing. Entries without a value are left out. */
export function formatFields(
  entries: readonly (readonly [name: string, value: string | undefined])[],
  style: Style = plainStyle,
): string[] {
  const present = entries.filter(([, value]) => value !== undefined && value !== "");
  const width = Math.max(0, ...present.map(([name]) => textWidth(name)));
  return present.map(([name, value]) => `${style("dim", padEnd(name, width))}  ${value}`);
}
