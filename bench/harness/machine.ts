import { execFileSync } from "node:child_process";
import { closeSync, fdatasyncSync, openSync, statfsSync, unlinkSync, writeSync } from "node:fs";
import { arch, cpus, loadavg, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import { median } from "../figures.ts";

/** Where and on what figures were measured. */
export interface Machine {
  readonly date: string;
  /** Of the checkout; ends in `-dirty` when files are changed. Empty outside of one. */
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** What kept the processors busy in the last minute before the start, as the system counts it: 1 is one processor. */
  readonly loadBefore: number;
  /** Time until a small write is on the disk, in milliseconds: what a commit waits for at least. */
  readonly fdatasyncMs: number;
  /** True for a folder in memory, where durability costs nothing and figures are too good. */
  readonly isInMemory: boolean;
}

/** Describes this machine; `directory` is where databases will lie. */
export function describeMachine(directory: string): Machine {
  const processors = cpus();
  return {
    date: new Date().toISOString(),
    commit: readCommit(),
    cpu: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    loadBefore: loadavg()[0] ?? 0,
    fdatasyncMs: measureSync(directory),
    isInMemory: statfsSync(directory).type === TMPFS,
  };
}

/** Number of the file system on Linux. */
const TMPFS = 0x01021994;
const SYNCS = 50;

function measureSync(directory: string): number {
  const path = join(directory, "fdatasync");
  const file = openSync(path, "w");
  try {
    const block = Buffer.alloc(4096, 1);
    const times = Array.from({ length: SYNCS }, () => {
      const startMs = performance.now();
      writeSync(file, block);
      fdatasyncSync(file);
      return performance.now() - startMs;
    });
    return median(times);
  } finally {
    closeSync(file);
    unlinkSync(path);
  }
}

function readCommit(): string {
  try {
    const args = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
    return execFileSync("git", args, { cwd: import.meta.dirname, encoding: "utf8", stdio: "pipe" }).trim();
  } catch {
    return "";
  }
}
