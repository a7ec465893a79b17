import type { Command } from "commander";
import type { Client } from "taskgrove";
import { jobIcon, jobWord } from "../format/states.ts";
import { oneLine } from "../format/text.ts";
import { formatDuration } from "../format/values.ts";
import { type CliIo, stdoutStyle, writeJson, writeLines } from "../io.ts";
import { renderTree } from "../tree/render-tree.ts";
import { buildTaskTree } from "../tree/task-tree.ts";
import { jobDuration } from "../watch/describe.ts";
import { type ConnectionOptions, parseInteger, resolveJobId, withClient, withConnection } from "./shared.ts";

interface Options extends ConnectionOptions {
  readonly depth: number;
  readonly children: number;
  readonly all?: boolean;
}

const notes = `
Each line shows a task's state, display, identifier and attempts, and for a queued one why it is not running.
With --json, each task is one line, parents before their children.

Examples:
  taskgrove job tree latest
  taskgrove job tree latest --depth 2
  taskgrove job tree latest --json | jq -r 'select(.state == "FAILED") | .error.message'`;

/** Adds `taskgrove job tree`. */
export function addJobTree(job: Command, io: CliIo): void {
  withConnection(job.command("tree"))
    .description("show the tasks of a job as a tree")
    .argument("<job>", 'id of the job, or "latest"')
    .option("--depth <n>", "levels that are shown; what is below is counted", parseInteger(1), 20)
    .option(
      "--children <n>",
      "children of one task and identifier that are shown; the rest is counted",
      parseInteger(1),
      20,
    )
    .option("--all", "show every task")
    .addHelpText("after", notes)
    .action(async (given: string, options: Options) => {
      await withClient(options, io, async (client) => {
        const jobId = await resolveJobId(client, given);
        if (options.json !== true) await writeTree(client, jobId, options, io);
        else for await (const task of client.jobs.tasks(jobId)) writeJson(io, task);
      });
    });
}

async function writeTree(client: Client, jobId: string, options: Options, io: CliIo): Promise<void> {
  const style = stdoutStyle(io);
  const job = await client.jobs.get(jobId);
  const runners = await Array.fromAsync(client.runners.list());
  const roots = buildTaskTree(await Array.fromAsync(client.jobs.tasks(jobId)));
  const now = io.clock();
  const state = `${jobIcon(job.state, style)} ${style("bold", oneLine(job.name))}  ${jobWord(job.state, style)}`;
  writeLines(io, [`${state}  ${formatDuration(jobDuration(job, now))}  ${style("dim", job.id)}`]);
  const limits =
    options.all === true
      ? { maxChildren: Number.POSITIVE_INFINITY, maxLevels: Number.POSITIVE_INFINITY }
      : { maxChildren: options.children, maxLevels: options.depth };
  for (const line of renderTree(roots, { style, now, runners, ...limits })) writeLines(io, [line]);
}
