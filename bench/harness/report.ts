import { type Figure, isReached } from "../figures.ts";
import type { Machine } from "./machine.ts";
import type { StoreKind } from "./store.ts";

/** What the whole benchmark found, as it is written to a file. */
export interface Results {
  readonly machine: Machine;
  /** What orchestrators kept their state in, and how figures of it are not to be read. */
  readonly store: { readonly kind: StoreKind; readonly description: string; readonly note: string };
  readonly quick: boolean;
  readonly runners: number;
  readonly concurrency: number;
  /** By name. */
  readonly figures: Readonly<Record<string, Omit<Figure, "name">>>;
  /** Scenarios that failed, with what went wrong. */
  readonly failures: Readonly<Record<string, string>>;
}

/** A load above this part of the cores is worth a warning. */
const BUSY = 0.5;

/** Lines that say where, when and on what figures were measured. */
export function formatOrigin({ machine, store }: Pick<Results, "machine" | "store">): string {
  const { date, commit, cpu, cores, memoryGiB, system, node, loadBefore, fdatasyncMs, isInMemory } = machine;
  const lines = [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}, fdatasync ${fdatasyncMs.toFixed(2)} ms`,
    `${date}, commit ${commit === "" ? "unknown" : commit}`,
    store.description,
  ];
  if (store.note !== "") lines.push(store.note);
  if (loadBefore > cores * BUSY) {
    lines.push(`Other programs keep the machine busy (load ${loadBefore.toFixed(1)}): figures are too bad, and noisy.`);
  }
  if (isInMemory)
    lines.push("The databases lie in memory: durability costs nothing here and figures are too good; see --directory.");
  return lines.join("\n");
}

const WIDTHS = { name: 38, value: 10, unit: 24, target: 9 };

/** The heads of the columns of {@link formatFigure}. */
export function formatHead(): string {
  return formatRow("figure", "value", "unit", "target", "");
}

/** One row of the table. */
export function formatFigure(figure: Figure): string {
  const { name, value, unit, target } = figure;
  const reached = isReached(figure);
  const verdict = reached === undefined ? "" : reached ? "reached" : "missed";
  return formatRow(name, formatNumber(value), unit, formatTarget(target), verdict);
}

function formatRow(name: string, value: string, unit: string, target: string, verdict: string): string {
  const { name: a, value: b, unit: c, target: d } = WIDTHS;
  return `${name.padEnd(a)}${value.padStart(b)} ${unit.padEnd(c)}${target.padStart(d)}  ${verdict}`.trimEnd();
}

function formatTarget(target: Figure["target"]): string {
  if (target === undefined) return "";
  return "atLeast" in target ? `≥ ${formatNumber(target.atLeast)}` : `≤ ${formatNumber(target.atMost)}`;
}

/** At least three significant digits. */
function formatNumber(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en", {
    minimumFractionDigits: Math.min(digits, 3),
    maximumFractionDigits: Math.min(digits, 3),
  });
}
