import { parseArgs } from "node:util";

/** How the suite runs. */
export interface FaultOptions {
  readonly store: StoreKind;
  /** How long is disturbed in total. */
  readonly seconds: number;
  readonly seed: number;
  readonly leaseMs: number;
  /** Jobs that go on at the same time. */
  readonly window: number;
  /** The folder with logs and histories stays, also when all was well. */
  readonly keep: boolean;
}

export type StoreKind = "mongodb" | "sqlite";

/** What the command line asks for. */
export type FaultCommand =
  | { readonly kind: "run"; readonly options: FaultOptions }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

const STORES: readonly StoreKind[] = ["mongodb", "sqlite"];
const MAX_SEED = 2 ** 31 - 1;

const HELP = `Makes faults on purpose while jobs of many shapes run, and checks that everything that Taskgrove promises was kept.

Usage: npm run faults -- [options]

  --store KIND      mongodb: three orchestrators on one database server; sqlite: one orchestrator on a file (default)
  --seconds N       how long to disturb, 1 to 1000000 (default 60); each minute is a round, which ends with a quiet phase and a check
  --seed S          whole number from 0 to ${MAX_SEED}: the same seed gives the same disturbances and jobs (default: by chance)
  --lease-ms N      lease of a runner, 500 to 60000 (default 2000)
  --jobs N          jobs that go on at the same time, 1 to 1000 (default 24)
  --keep            keep the folder with logs and histories, also when all was well
  --help            this text

Killed with SIGKILL and started again, or stopped with SIGSTOP for a while: orchestrators, runners, the database server. Between every two of
them: delays, one direction cut, black holes, resets.

Exits with 0 when the verdict is good; with 1 when a rule was broken; with 2 when it is called wrongly; with 3 when it could not run.
`;

/** Reads the command line. All problems are reported at once. `chance` is from 0 (inclusive) to 1 (exclusive). */
export function parseFaultCommand(args: readonly string[], chance: () => number): FaultCommand {
  const parsed = parseFlags(args);
  if (typeof parsed === "string") return { kind: "refused", problems: [parsed] };
  if (parsed.help) return { kind: "help", text: HELP };
  const problems: string[] = [];
  const store = STORES.find((known) => known === parsed.store);
  if (store === undefined)
    problems.push(`--store must be one of ${STORES.join(", ")}, not ${JSON.stringify(parsed.store)}`);
  const number = (flag: string, text: string, least: number, most: number) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    problems.push(`--${flag} must be a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`);
    return least;
  };
  const seconds = number("seconds", parsed.seconds, 1, 1_000_000);
  const leaseMs = number("lease-ms", parsed["lease-ms"], 500, 60_000);
  const window = number("jobs", parsed.jobs, 1, 1_000);
  const seed = number("seed", parsed.seed ?? String(Math.floor(chance() * MAX_SEED)), 0, MAX_SEED);
  if (problems.length > 0 || store === undefined) return { kind: "refused", problems };
  return { kind: "run", options: { store, seconds, seed, leaseMs, window, keep: parsed.keep } };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        store: { type: "string", default: "sqlite" },
        seconds: { type: "string", default: "60" },
        seed: { type: "string" },
        "lease-ms": { type: "string", default: "2000" },
        jobs: { type: "string", default: "24" },
        keep: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
