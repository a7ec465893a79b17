import type { Progress } from "./records.ts";

/** The job's sums after one task's progress went from `before` to `after`. Sorted by label; labels of nothing are dropped. */
export function replaceProgress(
  sums: readonly Progress[],
  before: readonly Progress[],
  after: readonly Progress[],
): readonly Progress[] {
  if (before.length === 0 && after.length === 0) return sums;
  const byLabel = new Map(sums.map((bar) => [bar.label, bar]));
  add(byLabel, before, -1);
  add(byLabel, after, 1);
  return [...byLabel.values()]
    .filter((bar) => bar.total !== 0 || bar.done !== 0)
    .sort((a, b) => (a.label < b.label ? -1 : 1));
}

function add(byLabel: Map<string, Progress>, bars: readonly Progress[], sign: 1 | -1): void {
  for (const { label, total, done } of bars) {
    const sum = byLabel.get(label);
    byLabel.set(label, {
      label,
      total: (sum?.total ?? 0) + sign * total,
      done: (sum?.done ?? 0) + sign * done,
    });
  }
}
