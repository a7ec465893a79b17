import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** Where orchestrators keep their state. */
export const STORE_KINDS = ["sqlite", "mongodb"] as const;

export type StoreKind = (typeof STORE_KINDS)[number];

/** How the demo runs. */
export type DemoOptions = Readonly<{
  /** How often the world is split into quarters. */
  zoom: number;
  /** Runner processes. */
  runners: number;
  /** Where the orchestrators keep their state; there are two of them on MongoDB. */
  store: StoreKind;
  /** Whether a runner is killed half way, and on MongoDB an orchestrator too. */
  kill: boolean;
  /** Where the picture goes. */
  out: string;
}>;

/** What the command line asks for. */
export type DemoCommand =
  | { kind: "run"; options: DemoOptions }
  | { kind: "help"; text: string }
  | { kind: "refused"; problems: readonly string[] };

const HELP = `Draws a land cover map of the world as a tree of tasks, on an orchestrator and runners of its own.

Usage: npm run demo -- [options]

  --zoom N      how often the world is split into quarters, 1 to 8 (default 6: 4,096 leaves)
  --runners N   runner processes, 1 to 16 (default 3)
  --no-kill     do not kill a runner half way, nor one of two orchestrators
  --out FILE    where the PNG goes (default: out/world.png in the checkout)
  --store KIND  where state is kept: sqlite (default), by one orchestrator, or mongodb, by two; for mongodb a server is started,
                unless MONGODB_URI names one
  --help        this text

Exits with 0 when the job completed and the picture is right, else with 1; with 2 when it is called wrongly.
`;

/** Reads the command line. All problems are reported at once. */
export function parseDemoCommand(args: readonly string[]): DemoCommand {
  const parsed = parseFlags(args);
  if (typeof parsed === "string") return { kind: "refused", problems: [parsed] };
  if (parsed.help) return { kind: "help", text: HELP };
  const [zoom, runners] = [Number(parsed.zoom), Number(parsed.runners)];
  const kill = !parsed["no-kill"];
  const problems: string[] = [];
  if (!isBetween(zoom, 1, 8)) problems.push(`--zoom must be a whole number from 1 to 8, not ${parsed.zoom}`);
  if (!isBetween(runners, 1, 16)) problems.push(`--runners must be a whole number from 1 to 16, not ${parsed.runners}`);
  if (runners === 1 && kill)
    problems.push("with --runners 1 nobody could go on for the runner that is killed; add --no-kill");
  const store = STORE_KINDS.find((kind) => kind === parsed.store);
  if (store === undefined) problems.push(`--store must be ${STORE_KINDS.join(" or ")}, not ${parsed.store}`);
  if (store === undefined || problems.length > 0) return { kind: "refused", problems };
  return { kind: "run", options: { zoom, runners, store, kill, out: parsed.out } };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        zoom: { type: "string", default: "6" },
        runners: { type: "string", default: "3" },
        "no-kill": { type: "boolean", default: false },
        out: { type: "string", default: fileURLToPath(new URL("../../out/world.png", import.meta.url)) },
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
