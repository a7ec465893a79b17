import type { Command } from "commander";
import type { Job, JobFilter, JobState } from "taskgrove";
import { jobIcon, jobWord } from "../format/states.ts";
import { plainStyle, type Style } from "../format/style.ts";
import { type Column, formatFields, formatTable } from "../format/table.ts";
import { oneLine, truncate } from "../format/text.ts";
import { formatAgo, formatCount, formatDuration, formatTime } from "../format/values.ts";
import { type CliIo, stdoutStyle, writeJson, writeLines } from "../io.ts";
import { countAll, countDone, describeCounts, fromTaskCounts } from "../watch/counts.ts";
import { describeError, jobDuration } from "../watch/describe.ts";
import { parseJobStates, parseTime } from "./parse.ts";
import { type ConnectionOptions, parseInteger, resolveJobId, withClient, withConnection } from "./shared.ts";

interface ListOptions extends ConnectionOptions {
  readonly state?: readonly JobState[];
  readonly name?: string;
  readonly since?: Date;
  readonly until?: Date;
  readonly cluster?: string;
  readonly limit: number;
  readonly all?: boolean;
}

const listExamples = `
Examples:
  taskgrove job list
  taskgrove job list --state failed,canceled --since 24h
  taskgrove job list --all --json | jq -r 'select(.taskCounts.failed > 0) | .id'`;

/** Adds `taskgrove job list`. */
export function addJobList(job: Command, io: CliIo): void {
  withConnection(job.command("list").alias("ls"))
    .description("list jobs, newest first")
    .option("--state <states>", "only jobs in one of these states, such as failed or running,started", parseJobStates)
    .option("--name <text>", "only jobs whose name contains this, whatever the case")
    .option(
      "--since <time>",
      "only jobs submitted at or after this time, or so long ago, such as 2h",
      parseTime(io.clock),
    )
    .option("--until <time>", "only jobs submitted before this time, or so long ago", parseTime(io.clock))
    .option("--cluster <slug>", "only jobs with a root task addressed to this cluster")
    .option("--limit <n>", "at most so many", parseInteger(1), 50)
    .option("--all", "all of them, whatever the limit")
    .addHelpText("after", listExamples)
    .action(async (options: ListOptions) => {
      await withClient(options, io, async (client) => {
        const jobs = client.jobs.list(listFilter(options));
        if (options.json === true) {
          for await (const one of jobs) writeJson(io, one);
        } else {
          writeJobTable(await Array.fromAsync(jobs), options, io);
        }
      });
    });
}

function listFilter(options: ListOptions): JobFilter {
  return {
    ...(options.state !== undefined && { states: options.state }),
    ...(options.name !== undefined && { nameContains: options.name }),
    ...(options.since !== undefined && { submittedFrom: options.since }),
    ...(options.until !== undefined && { submittedUntil: options.until }),
    ...(options.cluster !== undefined && { cluster: options.cluster }),
    ...(options.all !== true && { limit: options.limit }),
  };
}

function writeJobTable(jobs: readonly Job[], options: ListOptions, io: CliIo): void {
  const style = stdoutStyle(io);
  if (jobs.length === 0) {
    writeLines(io, ["There are no such jobs. Submit one with: taskgrove job submit NAME --task IDENTIFIER"]);
    return;
  }
  writeLines(io, formatTable(jobColumns(io.clock(), style), jobs, style));
  if (options.all !== true && jobs.length === options.limit && io.stdout.isTTY === true) {
    writeLines(io, [style("dim", `The newest ${formatCount(options.limit)}; there may be more (--limit, --all).`)]);
  }
}

const maxNameColumns = 40;

/** The columns of a table of jobs. */
export function jobColumns(now: number, style: Style = plainStyle): Column<Job>[] {
  return [
    { title: "ID", value: (job) => job.id },
    { title: "STATE", value: (job) => `${jobIcon(job.state, style)} ${jobWord(job.state, style)}` },
    { title: "NAME", value: (job) => truncate(oneLine(job.name), maxNameColumns) },
    { title: "TASKS", align: "right", value: (job) => taskProgress(job) },
    { title: "SUBMITTED", align: "right", value: (job) => formatAgo(job.submittedAt, now) },
    { title: "DURATION", align: "right", value: (job) => formatDuration(jobDuration(job, now)) },
  ];
}

function taskProgress(job: Job): string {
  const counts = fromTaskCounts(job.taskCounts);
  return `${formatCount(countDone(counts))}/${formatCount(countAll(counts))}`;
}

/** Adds `taskgrove job get`. */
export function addJobGet(job: Command, io: CliIo): void {
  withConnection(job.command("get").alias("show"))
    .description("show one job")
    .argument("<job>", 'id of the job, or "latest"')
    .action(async (given: string, options: ConnectionOptions) => {
      await withClient(options, io, async (client) => {
        const found = await client.jobs.get(await resolveJobId(client, given));
        if (options.json === true) writeJson(io, found);
        else writeLines(io, jobFields(found, io.clock(), stdoutStyle(io)));
      });
    });
}

/** What there is to say about one job. */
export function jobFields(job: Job, now: number, style: Style = plainStyle): string[] {
  const counts = fromTaskCounts(job.taskCounts);
  const progress = job.progress.map(
    ({ label, done, total }) =>
      [`progress ${oneLine(label)}`.trim(), `${formatCount(done)}/${formatCount(total)}`] as const,
  );
  return formatFields(
    [
      ["id", job.id],
      ["name", oneLine(job.name)],
      ["state", `${jobIcon(job.state, style)} ${jobWord(job.state, style)}`],
      ["submitted", `${formatTime(job.submittedAt)} (${formatAgo(job.submittedAt, now)})`],
      ["started", job.startedAt && formatTime(job.startedAt)],
      ["ended", job.endedAt && formatTime(job.endedAt)],
      ["duration", formatDuration(jobDuration(job, now))],
      ["priority", job.priority === 0 ? undefined : String(job.priority)],
      ["tasks", `${taskProgress(job)}: ${describeCounts(counts, style)}`],
      ...progress,
      ["error", job.error && style("red", describeError(job.error))],
      ["failed task", job.failedTaskId],
      ["trace parent", job.traceParent],
    ],
    style,
  );
}
