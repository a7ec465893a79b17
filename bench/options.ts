import { parseArgs } from "node:util";
import { SCENARIO_NAMES } from "./scenarios/names.ts";

/** How the benchmark runs. */
export interface BenchOptions {
  /** Smaller sizes and fewer rounds: within two minutes in total. */
  readonly quick: boolean;
  /** Where the figures go as JSON. */
  readonly json: string | undefined;
  /** Which scenarios run, by name. */
  readonly only: readonly string[];
  /** Runner processes. */
  readonly runners: number;
  /** Tasks at once in each of them. */
  readonly concurrency: number;
  /** Where temporary databases are made; undefined: the system's temporary folder. */
  readonly directory: string | undefined;
  /** Where CPU profiles of the orchestrators and runners go. */
  readonly profile: string | undefined;
}

/** What the command line asks for. */
export type BenchCommand =
  | { readonly kind: "run"; readonly options: BenchOptions }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

const HELP = `Measures Taskgrove: an orchestrator in one process, on a SQLite file with synchronous=FULL, runners in others, all through
the real stream.

Usage: npm run bench -- [options]

  --quick           smaller sizes and fewer rounds, within two minutes in total
  --only NAME       only this scenario; may be given several times
  --json FILE       write every figure by name, with value and unit
  --runners N       runner processes, 1 to 16 (default 1)
  --concurrency N   tasks at once in each runner, 1 to 10000 (default 1000)
  --directory DIR   where temporary databases are made (default: the system's temporary folder)
  --profile DIR     write CPU profiles of the orchestrators and runners there
  --store KIND      where the orchestrator keeps its state: sqlite (default)
  --help            this text

Scenarios: ${SCENARIO_NAMES.join(", ")}.

Exits with 0 when everything was measured, whether or not targets were reached; with 1 when a scenario failed; with 2 when it is
called wrongly.
`;

/** Reads the command line. All problems are reported at once. */
export function parseBenchCommand(args: readonly string[]): BenchCommand {
  const parsed = parseFlags(args);
  if (typeof parsed === "string") return { kind: "refused", problems: [parsed] };
  if (parsed.help) return { kind: "help", text: HELP };
  const [runners, concurrency] = [Number(parsed.runners), Number(parsed.concurrency)];
  const problems: string[] = [];
  for (const name of parsed.only) {
    if (!SCENARIO_NAMES.some((known) => known === name))
      problems.push(`--only ${name} is no scenario; there are ${SCENARIO_NAMES.join(", ")}`);
  }
  if (!isBetween(runners, 1, 16)) problems.push(`--runners must be a whole number from 1 to 16, not ${parsed.runners}`);
  if (!isBetween(concurrency, 1, 10_000))
    problems.push(`--concurrency must be a whole number from 1 to 10000, not ${parsed.concurrency}`);
  if (parsed.store !== "sqlite") problems.push(`--store ${parsed.store} is not available; only sqlite is`);
  if (problems.length > 0) return { kind: "refused", problems };
  const { quick, json, only, directory, profile } = parsed;
  return { kind: "run", options: { quick, json, only, runners, concurrency, directory, profile } };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: "boolean", default: false },
        json: { type: "string" },
        only: { type: "string", multiple: true, default: [] as string[] },
        runners: { type: "string", default: "1" },
        concurrency: { type: "string", default: "1000" },
        directory: { type: "string" },
        profile: { type: "string" },
        store: { type: "string", default: "sqlite" },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isBetween(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
