import type { Style } from "./style.ts";

/** A progress bar of so many columns. A bar is only full when all is done, and only empty when nothing is. */
export function formatBar(done: number, total: number, columns: number, style: Style): string {
  const filled = filledColumns(done, total, columns);
  const color = total > 0 && done >= total ? "green" : "cyan";
  return style(color, "━".repeat(filled)) + style("gray", "╌".repeat(columns - filled));
}

function filledColumns(done: number, total: number, columns: number): number {
  if (total <= 0 || done <= 0) return 0;
  if (done >= total) return columns;
  return Math.min(columns - 1, Math.max(1, Math.floor((done / total) * columns)));
}
