import type { Command } from "commander";
import { oneLine } from "../format/text.ts";
import { formatCountOf } from "../format/values.ts";
import { type CliIo, writeJson, writeLines } from "../io.ts";
import type { SetExitCode } from "../program.ts";
import { watchToEnd } from "./job-watch.ts";
import { type ConnectionOptions, resolveJobId, withClient, withConnection } from "./shared.ts";

/** Adds `taskgrove job cancel`. */
export function addJobCancel(job: Command, io: CliIo): void {
  withConnection(job.command("cancel"))
    .description("halt a job: nothing more of it is started, running tasks are told")
    .argument("<job>", 'id of the job, or "latest"')
    .action(async (given: string, options: ConnectionOptions) => {
      await withClient(options, io, async (client) => {
        const canceled = await client.jobs.cancel(await resolveJobId(client, given));
        if (options.json === true) return writeJson(io, canceled);
        const { running } = canceled.taskCounts;
        const rest = running === 0 ? "" : `; ${formatCountOf(running, "running task")} may still finish`;
        writeLines(io, [`Canceled ${oneLine(canceled.name)}${rest}.`]);
      });
    });
}

/** Adds `taskgrove job retry`. */
export function addJobRetry(job: Command, io: CliIo, setExitCode: SetExitCode): void {
  withConnection(job.command("retry"))
    .description("let a failed or canceled job go on from where it stopped; what is done is never run again")
    .argument("<job>", 'id of the job, or "latest"')
    .option("--watch", "show the job until it ends; exit code 1 when it does not complete")
    .action(async (given: string, options: ConnectionOptions & { readonly watch?: boolean }) => {
      await withClient(options, io, async (client) => {
        const { job: retried, requeuedTasks } = await client.jobs.retry(await resolveJobId(client, given));
        if (options.watch === true) return setExitCode(await watchToEnd(client, retried.id, options, io));
        if (options.json === true) return writeJson(io, { job: retried, requeuedTasks });
        writeLines(io, [
          `${oneLine(retried.name)} goes on; ${formatCountOf(requeuedTasks, "failed task")} queued again.`,
        ]);
      });
    });
}
