import { parseArgs } from "node:util";
import { STORE_KINDS, type StoreKind } from "./harness/store.ts";
import { SCENARIO_NAMES, type ScenarioName, scenariosOn } from "./scenarios/names.ts";

/** How the benchmark runs. */
export interface BenchOptions {
  /** Smaller sizes and fewer rounds: within two minutes in total on SQLite, five on MongoDB. */
  readonly quick: boolean;
  /** Where the figures go as JSON. */
  readonly json: string | undefined;
  /** Where the orchestrators keep their state. */
  readonly store: StoreKind;
  /** Which scenarios run, in this order. */
  readonly scenarios: readonly ScenarioName[];
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

const HELP = `Measures Taskgrove: an orchestrator in one process, on a SQLite file with synchronous=FULL or on MongoDB, runners in others, all
through the real stream.

Usage: npm run bench -- [options]

  --quick           smaller sizes and fewer rounds, within two minutes in total
  --only NAME       only this scenario; may be given several times
  --json FILE       write every figure by name, with value and unit
  --runners N       runner processes, 1 to 16 (default 1)
  --concurrency N   tasks at once in each runner, 1 to 10000 (default 1000)
  --directory DIR   where temporary databases are made (default: the system's temporary folder)
  --profile DIR     write CPU profiles of the orchestrators and runners there
  --store KIND      where the orchestrator keeps its state: sqlite (default) or mongodb, for which a server is started unless MONGODB_URI
                    names one; sizes are smaller there
  --help            this text

Scenarios: ${scenariosOn("sqlite").join(", ")};
on mongodb also ${SCENARIO_NAMES.filter((name) => !scenariosOn("sqlite").includes(name)).join(", ")}.

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
  const store = STORE_KINDS.find((kind) => kind === parsed.store);
  if (store === undefined) problems.push(`--store must be ${STORE_KINDS.join(" or ")}, not ${parsed.store}`);
  for (const name of parsed.only) problems.push(...problemsOf(name, store));
  if (!isBetween(runners, 1, 16)) problems.push(`--runners must be a whole number from 1 to 16, not ${parsed.runners}`);
  if (!isBetween(concurrency, 1, 10_000))
    problems.push(`--concurrency must be a whole number from 1 to 10000, not ${parsed.concurrency}`);
  if (store === undefined || problems.length > 0) return { kind: "refused", problems };
  const { quick, json, only, directory, profile } = parsed;
  const scenarios = scenariosOn(store).filter((name) => only.length === 0 || only.includes(name));
  return { kind: "run", options: { quick, json, store, scenarios, runners, concurrency, directory, profile } };
}

function problemsOf(scenario: string, store: StoreKind | undefined): string[] {
  const name = SCENARIO_NAMES.find((known) => known === scenario);
  if (name === undefined) return [`--only ${scenario} is no scenario; there are ${SCENARIO_NAMES.join(", ")}`];
  return scenariosOn(store ?? "mongodb").includes(name) ? [] : [`--only ${scenario} needs --store mongodb`];
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
