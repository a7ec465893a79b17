import { execSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

/** One measured figure. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the project wants to reach, as text. */
  readonly target?: string;
}

/** Collects figures and shows each as soon as it is there. */
export class Figures {
  readonly all: Figure[] = [];

  add(name: string, value: number, unit: string, target?: string): void {
    const rounded = value >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
    this.all.push({ name, value: rounded, unit, ...(target === undefined ? {} : { target }) });
    const shown = rounded.toLocaleString("en-US");
    console.log(
      `${name.padEnd(46)} ${shown.padStart(10)} ${unit.padEnd(12)} ${target === undefined ? "" : `(${target})`}`,
    );
  }

  writeJson(file: string): void {
    writeFileSync(file, `${JSON.stringify({ ...machine(), figures: this.all }, null, 2)}\n`);
  }
}

/** Where and when the figures were measured. */
export function machine(): Readonly<Record<string, string | number>> {
  return {
    date: new Date().toISOString(),
    commit: execSync("git rev-parse --short HEAD", { encoding: "utf8" }).trim(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}
