import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import type { Figure } from "./figures.ts";
import { handleSignals } from "./harness/cleanup.ts";
import { describeMachine } from "./harness/machine.ts";
import { Progress } from "./harness/progress.ts";
import { formatFigure, formatHead, formatOrigin, type Results } from "./harness/report.ts";
import { runScenario } from "./harness/run-scenario.ts";
import { type BenchStore, openStore } from "./harness/store.ts";
import { type BenchOptions, parseBenchCommand } from "./options.ts";
import { SCENARIOS } from "./scenarios/index.ts";

async function main(): Promise<number> {
  const command = parseBenchCommand(process.argv.slice(2));
  if (command.kind === "help") {
    process.stdout.write(command.text);
    return 0;
  }
  if (command.kind === "refused") {
    for (const problem of command.problems) process.stderr.write(`bench: ${problem}\n`);
    process.stderr.write("--help lists all options.\n");
    return 2;
  }
  handleSignals();
  const { options } = command;
  const store = await openStore(options.store);
  if (typeof store === "string") {
    process.stderr.write(`bench: ${store}\n`);
    return 1;
  }
  await using _ = store;
  const results = await runAll(options, store);
  if (options.json !== undefined) {
    mkdirSync(dirname(options.json), { recursive: true });
    writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
  }
  return Object.keys(results.failures).length === 0 ? 0 : 1;
}

async function runAll(options: BenchOptions, store: BenchStore): Promise<Results> {
  const { quick, scenarios, runners, concurrency } = options;
  const directory = options.directory ?? tmpdir();
  mkdirSync(directory, { recursive: true });
  const machine = describeMachine(directory);
  const figures: Figure[] = [];
  const failures: Record<string, string> = {};
  const { kind, description, note } = store;
  const origin = { machine, store: { kind, description, note } };
  process.stdout.write(`${formatOrigin(origin)}\n\n${formatHead()}\n`);
  const progress = new Progress(process.stderr);
  for (const [index, name] of scenarios.entries()) {
    progress.step(`[${index + 1}/${scenarios.length}] ${name}`);
    try {
      await runScenario({
        scenario: SCENARIOS[name],
        options,
        store,
        directory,
        say: (what) => progress.detail(what),
        onFigure(figure) {
          figures.push(figure);
          progress.print(formatFigure(figure), process.stdout);
        },
      });
    } catch (error) {
      failures[name] = error instanceof Error ? error.message : String(error);
      progress.print(`${name} failed: ${failures[name]}`, process.stderr);
    }
  }
  progress.stop();
  const byName = Object.fromEntries(figures.map(({ name, ...figure }) => [name, figure]));
  return { ...origin, quick, runners, concurrency, figures: byName, failures };
}

process.exitCode = await main();
