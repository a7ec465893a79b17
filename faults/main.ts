import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atExit, deleteFolder, handleSignals } from "../bench/harness/cleanup.ts";
import { Progress } from "../bench/harness/progress.ts";
import { type FaultOptions, parseFaultCommand } from "./options.ts";
import { openStore } from "./stores.ts";
import { runRound } from "./suite.ts";
import { System } from "./system.ts";
import { addTally, formatTally, type Tally } from "./tally.ts";

/** A round is checked at its end, and what it was checked with is forgotten. */
const ROUND_MS = 60_000;
/** Violations that are shown with their history. */
const MAX_SHOWN = 5;
const EXIT = { good: 0, violation: 1, usage: 2, couldNotRun: 3 } as const;

async function main(): Promise<number> {
  const command = parseFaultCommand(process.argv.slice(2), Math.random);
  if (command.kind === "help") {
    process.stdout.write(command.text);
    return EXIT.good;
  }
  if (command.kind === "refused") {
    for (const problem of command.problems) process.stderr.write(`faults: ${problem}\n`);
    process.stderr.write("--help lists all options.\n");
    return EXIT.usage;
  }
  handleSignals();
  const { options } = command;
  const folder = mkdtempSync(join(tmpdir(), "taskgrove-faults-"));
  const forget = atExit(() => deleteFolder(folder));
  const keep = () => {
    forget();
    print(`logs and histories are in ${folder}`);
  };
  try {
    const isGood = await runAll(options, folder);
    if (!isGood || options.keep) keep();
    return isGood ? EXIT.good : EXIT.violation;
  } catch (error) {
    process.stderr.write(`faults: could not run: ${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
    keep();
    return EXIT.couldNotRun;
  }
}

/** Whether no rule was broken. */
async function runAll(options: FaultOptions, folder: string): Promise<boolean> {
  const { seed, seconds, leaseMs } = options;
  const progress = new Progress(process.stderr);
  progress.step("starting");
  await using ends = new AsyncDisposableStack();
  ends.defer(() => progress.stop());
  const { topology, database } = await openStore(options.store, folder);
  ends.defer(() => database.dispose());
  const system = await System.start({ topology, leaseMs, folder, database });
  ends.defer(() => system.stop());
  const { orchestrators, runners } = topology;
  const parts = `${orchestrators} orchestrator(s) on ${database.description}, ${runners} runners`;
  progress.print(`faults: seed ${seed}, ${seconds} s, lease ${leaseMs} ms; ${parts}`, process.stdout);
  const sum: Tally = new Map();
  const offsets = new Map<string, number>();
  const say = (step: string, detail: string) => progress.detail(`${step}: ${detail}`);
  const rounds = Math.ceil((seconds * 1_000) / ROUND_MS);
  for (let round = 1; round <= rounds; round++) {
    const durationMs = Math.min(ROUND_MS, seconds * 1_000 - (round - 1) * ROUND_MS);
    progress.step(`[${round}/${rounds}] seed ${seed}`);
    const result = await runRound({ options, topology, system, folder, offsets, say }, round, durationMs);
    addTally(sum, result.tally);
    if (result.violations.length === 0) continue;
    progress.stop();
    for (const line of formatTally(sum)) print(line);
    report(result.violations, `round ${round} of seed ${seed}`);
    return false;
  }
  progress.stop();
  for (const line of formatTally(sum)) print(line);
  print(`verdict: good; every rule held in ${rounds} round(s) of seed ${seed}`);
  return true;
}

function report(violations: readonly (readonly string[])[], where: string): void {
  print(`verdict: BROKEN; ${violations.length} violation(s) in ${where}`);
  for (const lines of violations.slice(0, MAX_SHOWN)) print(`\n${lines.join("\n")}`);
  if (violations.length > MAX_SHOWN) {
    print(`\nand ${violations.length - MAX_SHOWN} more:`);
    for (const [first] of violations.slice(MAX_SHOWN)) print(`  ${first}`);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

// Requests that were given up may still be under way.
process.exit(await main());
