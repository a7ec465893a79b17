import { join } from "node:path";
import { type Config, describeStore, type Orchestrator } from "@taskgrove/orchestrator";
import type { Command } from "commander";
import type { Style } from "../format/style.ts";
import { type CliIo, stdoutStyle, writeLines } from "../io.ts";
import { readConfig, serve } from "./orchestrator.ts";
import { parseInteger } from "./shared.ts";

interface Options {
  readonly port?: number;
  readonly httpPort?: number;
  readonly data?: string;
  readonly memory?: boolean;
}

const notes = `
All flags and variables of "taskgrove server" may be given too; see "taskgrove server --help".

Examples:
  taskgrove dev
  taskgrove dev --memory --port 0
  taskgrove dev --lease-duration 5s`;

/** Adds `taskgrove dev`: an orchestrator on the embedded store, for the machine that it runs on. */
export function addDevCommand(program: Command, io: CliIo): void {
  program
    .command("dev")
    .description("start an orchestrator for development: embedded store, this machine only, nothing to set up")
    .option(
      "--port <n>",
      "port for runners and submitters; 0 picks a free one (default: 4150)",
      parseInteger(0, 65_535),
    )
    .option(
      "--http-port <n>",
      "port for metrics and health; 0 picks a free one (default: 4151)",
      parseInteger(0, 65_535),
    )
    .option("--data <folder>", "where the store is kept (default: .taskgrove, or TASKGROVE_SQLITE_FILE)")
    .option("--memory", "keep nothing: the store vanishes with the process")
    .allowUnknownOption()
    .argument("[flags...]", "flags of taskgrove server")
    .addHelpText("after", notes)
    .action(async (flags: readonly string[], options: Options) => {
      const read = readConfig(io, [...flagsOf(options, io, flags), ...flags]);
      if (read === undefined) return;
      const config: Config =
        options.memory === true ? { ...read, store: { kind: "sqlite", file: null, synchronous: "normal" } } : read;
      await serve(config, io, (orchestrator) => writeLines(io, banner(orchestrator, config, stdoutStyle(io))));
      writeLines(io, ["Stopped."]);
    });
}

/** What `dev` adds of its own; what the user says in flags or in the environment wins. */
function flagsOf(options: Options, io: CliIo, given: readonly string[]): string[] {
  const isGiven = (flag: string) => given.some((text) => text === flag || text.startsWith(`${flag}=`));
  const flags: string[] = [];
  if (options.port !== undefined) flags.push(`--grpc-port=${options.port}`);
  if (options.httpPort !== undefined) flags.push(`--http-port=${options.httpPort}`);
  if (options.data !== undefined || (io.env.TASKGROVE_SQLITE_FILE === undefined && !isGiven("--sqlite-file"))) {
    flags.push(`--sqlite-file=${join(options.data ?? ".taskgrove", "taskgrove.db")}`);
  }
  if (io.env.TASKGROVE_LOG_LEVEL === undefined && !isGiven("--log-level")) flags.push("--log-level=warn");
  return flags;
}

/** What somebody who just started an orchestrator wants to know. */
export function banner(
  { grpcAddress, httpAddress }: Pick<Orchestrator, "grpcAddress" | "httpAddress">,
  config: Pick<Config, "store">,
  style: Style,
): string[] {
  // A command is only complete with the address when it is not the one that is taken anyway.
  const address = grpcAddress === "127.0.0.1:4150" ? "" : ` --address ${grpcAddress}`;
  return [
    style(["bold", "green"], "Taskgrove is running."),
    "",
    `  ${style("dim", "orchestrator")}  ${grpcAddress}`,
    `  ${style("dim", "metrics")}       http://${httpAddress}/metrics`,
    `  ${style("dim", "store")}         ${describeStore(config.store)}`,
    "",
    "Next, in another terminal:",
    `  npx taskgrove job submit hello --task Hello --watch${address}`,
    `  npx taskgrove job list${address}`,
    `  npx taskgrove runner list${address}`,
    "",
    `Runners and clients find it with TASKGROVE_ADDRESS=${grpcAddress}. Ctrl-C stops it.`,
  ];
}
