/** The benchmark: `npm run bench -- --help`. */
import { parseArgs } from "node:util";
import { Figures, machine } from "./figures.ts";
import { SCENARIOS } from "./scenarios.ts";

const HELP = `Measures Taskgrove: the orchestrator in one process (SQLite, synchronous=FULL), two runners in others, real streams.

  npm run bench -- [--quick] [--only NAME] [--json FILE]

  --quick       smaller sizes, within two minutes
  --only NAME   one scenario: ${Object.keys(SCENARIOS).join(", ")}
  --json FILE   writes every figure by name with value and unit
  --help        shows this

Behind each figure stands, in brackets, what the project wants to reach.`;

function readOptions(): { quick: boolean; only: string | undefined; json: string | undefined; help: boolean } | string {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string" },
        json: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.only !== undefined && !(values.only in SCENARIOS)) return `there is no scenario ${values.only}`;
    return { quick: values.quick, only: values.only, json: values.json, help: values.help };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === "string") {
    console.error(`${options}\n\n${HELP}`);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const figures = new Figures();
  console.log(
    Object.entries(machine())
      .map(([name, value]) => `${name}: ${value}`)
      .join(", "),
  );
  for (const [name, run] of Object.entries(SCENARIOS)) {
    if (options.only !== undefined && options.only !== name) continue;
    console.log(`\n${name}`);
    await run(figures, options);
  }
  if (options.json !== undefined) figures.writeJson(options.json);
  return 0;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();
