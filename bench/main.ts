import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import type { Figure } from "./figures.ts";
import { handleSignals } from "./harness/cleanup.ts";
import { describeMachine } from "./harness/machine.ts";
import { Progress } from "./harness/progress.ts";
import { formatFigure, formatHead, formatMachine, type Results } from "./harness/report.ts";
import { runScenario } from "./harness/run-scenario.ts";
import { type BenchOptions, parseBenchCommand } from "./options.ts";
import { SCENARIOS } from "./scenarios/index.ts";
import { SCENARIO_NAMES } from "./scenarios/names.ts";

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
  const results = await runAll(options);
  if (options.json !== undefined) {
    mkdirSync(dirname(options.json), { recursive: true });
    writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
  }
  return Object.keys(results.failures).length === 0 ? 0 : 1;
}

async function runAll(options: BenchOptions): Promise<Results> {
  const { quick, only, runners, concurrency } = options;
  const directory = options.directory ?? tmpdir();
  mkdirSync(directory, { recursive: true });
  const machine = describeMachine(directory);
  const figures: Figure[] = [];
  const failures: Record<string, string> = {};
  const names = SCENARIO_NAMES.filter((name) => only.length === 0 || only.includes(name));
  process.stdout.write(`${formatMachine(machine)}\n\n${formatHead()}\n`);
  const progress = new Progress(process.stderr);
  for (const [index, name] of names.entries()) {
    progress.step(`[${index + 1}/${names.length}] ${name}`);
    try {
      await runScenario({
        scenario: SCENARIOS[name],
        options,
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
  return { machine, quick, runners, concurrency, figures: byName, failures };
}

process.exitCode = await main();
