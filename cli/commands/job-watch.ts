import type { Command } from "commander";
import type { Client, Job } from "taskgrove";
import { type ExitCode, exitCodes, InterruptedError } from "../exit-codes.ts";
import type { CliIo } from "../io.ts";
import type { SetExitCode } from "../program.ts";
import { watchJob } from "../watch/watch-job.ts";
import { type ConnectionOptions, resolveJobId, untilInterrupted, withClient, withConnection } from "./shared.ts";

const notes = `
On a terminal the job is drawn in place: a bar for its tasks and one per progress label, and its tree, in which what is large is
collapsed. In a pipe, lines are added: failures, and the progress at most once a second. With --json, each change is one line:
{"resumeToken", "job" (when it changed), "tasks": [{"taskId", "state", …}]}.

Ctrl-C stops watching; the job goes on.

Examples:
  taskgrove job watch latest
  taskgrove job watch 01890a5d-ac96-774b-bcce-b302099a8057 && echo completed`;

/** Adds `taskgrove job watch`. */
export function addJobWatch(job: Command, io: CliIo, setExitCode: SetExitCode): void {
  withConnection(job.command("watch"))
    .description("show a job while it grows, until it ends; exit code 1 when it does not complete")
    .argument("<job>", 'id of the job, or "latest"')
    .addHelpText("after", notes)
    .action(async (given: string, options: ConnectionOptions) => {
      await withClient(options, io, async (client) => {
        setExitCode(await watchToEnd(client, await resolveJobId(client, given), options, io));
      });
    });
}

/** Shows a job until it ends, and gives the exit code that tells how. */
export async function watchToEnd(
  client: Client,
  jobId: string,
  { json }: ConnectionOptions,
  io: CliIo,
): Promise<ExitCode> {
  const common = { out: io.stdout, env: io.env, clock: io.clock, ...(json === true && { mode: "json" as const }) };
  try {
    const job = await untilInterrupted(io, (signal) => watchJob(client, jobId, { ...common, signal }));
    return exitCodeOf(job);
  } catch (error) {
    if (error instanceof InterruptedError) {
      io.stderr.write(`Stopped watching; the job goes on. Watch it again with: taskgrove job watch ${jobId}\n`);
    }
    throw error;
  }
}

/** The exit code that tells how a job ended. */
export function exitCodeOf(job: Job): ExitCode {
  return job.state === "COMPLETED" ? exitCodes.ok : exitCodes.jobNotCompleted;
}
