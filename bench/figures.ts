/** What a figure is to reach. */
export type Target = { readonly atLeast: number } | { readonly atMost: number };

/** One measured figure. */
export interface Figure {
  /** Unique, stable from version to version: it is what results are compared by. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target?: Target;
}

/** Whether a figure reaches its target; undefined without one. */
export function isReached({ value, target }: Figure): boolean | undefined {
  if (target === undefined) return undefined;
  return "atLeast" in target ? value >= target.atLeast : value <= target.atMost;
}

/** The value in the middle; of an even number of values the mean of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new Error("there is no median of nothing");
  return (lower + upper) / 2;
}

/** The smallest value that at least this fraction of all values do not exceed. */
export function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)];
  if (value === undefined) throw new Error("there is no percentile of nothing");
  return value;
}

/** 1000 as `1k`, 1000000 as `1M`: part of the names of figures. */
export function shortCount(count: number): string {
  if (count >= 1_000_000 && count % 1_000_000 === 0) return `${count / 1_000_000}M`;
  return count >= 1_000 && count % 1_000 === 0 ? `${count / 1_000}k` : String(count);
}
