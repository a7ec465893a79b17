import type { Command } from "commander";
import type { RunnerInfo } from "taskgrove";
import { type Column, formatTable } from "../format/table.ts";
import { oneLine } from "../format/text.ts";
import { formatAgo, formatCount, formatDuration } from "../format/values.ts";
import { type CliIo, stdoutStyle, writeJson, writeLines } from "../io.ts";
import { type ConnectionOptions, withClient, withConnection } from "./shared.ts";

interface ListOptions extends ConnectionOptions {
  readonly cluster?: string;
}

/** Adds `taskgrove runner …`. */
export function addRunnerCommands(program: Command, io: CliIo): void {
  const runner = program
    .command("runner")
    .alias("runners")
    .description("show runners: the processes that execute tasks");
  withConnection(runner.command("list").alias("ls"))
    .description("list the runners that are connected, oldest first")
    .option("--cluster <slug>", "only runners of this cluster")
    .action(async (options: ListOptions) => {
      await withClient(options, io, async (client) => {
        const runners = client.runners.list(options.cluster === undefined ? {} : { cluster: options.cluster });
        if (options.json === true) for await (const one of runners) writeJson(io, one);
        else writeRunnerTable(await Array.fromAsync(runners), io);
      });
    });
}

function writeRunnerTable(runners: readonly RunnerInfo[], io: CliIo): void {
  const table = () => formatTable(runnerColumns(io.clock()), runners, stdoutStyle(io));
  writeLines(io, runners.length === 0 ? ["No runner is connected."] : table());
}

/** The columns of a table of runners. */
export function runnerColumns(now: number): Column<RunnerInfo>[] {
  return [
    { title: "NAME", value: (runner) => oneLine(runner.name) },
    { title: "CLUSTER", value: (runner) => runner.cluster },
    { title: "RUNNING", align: "right", value: (runner) => formatCount(runner.running) },
    { title: "CONNECTED", align: "right", value: (runner) => formatAgo(runner.connectedAt, now) },
    { title: "LEASES LAST", align: "right", value: (runner) => formatDuration(runner.leaseExpiresAt.getTime() - now) },
    { title: "TASKS", value: (runner) => runner.identifiers.map((parts) => oneLine(parts.join("@"))).join(", ") },
  ];
}
