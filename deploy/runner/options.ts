import { parseArgs } from "node:util";
import type { RunnerOptions } from "taskgrove";

/**
 * What the command line says: `--concurrency` (how many tasks at once, default 2) and `--cluster` (default: the default cluster). Where the
 * orchestrators are is in TASKGROVE_ADDRESS, which the SDK reads.
 *
 * @throws TypeError for any other flag.
 */
export function parseOptions(args: readonly string[]): Pick<RunnerOptions, "concurrency" | "cluster"> {
  const { values } = parseArgs({
    args: [...args],
    options: { concurrency: { type: "string", default: "2" }, cluster: { type: "string" } },
  });
  return { concurrency: Number(values.concurrency), ...(values.cluster !== undefined && { cluster: values.cluster }) };
}
