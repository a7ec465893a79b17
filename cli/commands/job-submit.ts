import type { Command } from "commander";
import { type Client, type Identifier, type Job, namedTask, type SubmitOptions } from "taskgrove";
import { oneLine } from "../format/text.ts";
import { type CliIo, stdoutStyle, writeJson, writeLines } from "../io.ts";
import type { SetExitCode } from "../program.ts";
import { outcomeLines } from "../watch/outcome.ts";
import { exitCodeOf, watchToEnd } from "./job-watch.ts";
import { loadInput, parseDuration, parseTaskIdentifier } from "./parse.ts";
import { type ConnectionOptions, parseInteger, untilInterrupted, withClient, withConnection } from "./shared.ts";

interface Options extends ConnectionOptions {
  readonly task: Identifier;
  readonly input?: string;
  readonly raw?: boolean;
  readonly cluster?: string;
  readonly priority?: number;
  readonly maxRetries?: number;
  readonly attemptTimeout?: number;
  readonly display?: string;
  readonly idempotencyKey?: string;
  readonly wait?: boolean;
  readonly watch?: boolean;
}

const examples = `
Examples:
  taskgrove job submit "World tiles" --task example.com/Pyramid@v1.0 --input '{"zoom": 4}' --watch
  taskgrove job submit nightly --task Nightly --input @input.json --idempotency-key nightly-2026-11-24
  make-input | taskgrove job submit big --task example.com/Import@v2.1 --input - --wait
  id=$(taskgrove job submit thumbnails --task Thumbnails)`;

/** Adds `taskgrove job submit`. */
export function addJobSubmit(job: Command, io: CliIo, setExitCode: SetExitCode): void {
  withConnection(job.command("submit"))
    .description("submit a job with one root task; writes its id")
    .argument("<name>", "name of the job, for people")
    .requiredOption("--task <name@version>", "identifier of the root task; without a version v0.0", parseTaskIdentifier)
    .option("--input <json|@file|->", "input of the root task: JSON, a file with JSON, or standard input")
    .option("--raw", "send the input as the bytes that it is; it need not be JSON")
    .option("--cluster <slug>", "cluster of the root task (default: the default cluster)")
    .option("--priority <n>", "priority of the job; higher is claimed first", parseInteger(-(2 ** 31)))
    .option("--max-retries <n>", "failures of the root task that are retried", parseInteger(0))
    .option("--attempt-timeout <duration>", "longest run of one attempt of the root task, such as 30s", parseDuration)
    .option("--display <text>", "what people see of the root task (default: its name)")
    .option("--idempotency-key <key>", "submitting again with the same key and body returns the first job")
    .option("--wait", "wait for the end of the job; exit code 1 when it does not complete")
    .option("--watch", "as --wait, and draw the job while it runs")
    .addHelpText("after", examples)
    .action(async (name: string, options: Options) => {
      const input = await loadInput(options.input, options.raw === true, io.stdin);
      await withClient(options, io, async (client) => {
        const submitted = await client.jobs.submit(name, namedTask(options.task, input), submitOptions(options));
        await follow(client, submitted, options, io, setExitCode);
      });
    });
}

function submitOptions(options: Options): SubmitOptions {
  return {
    ...(options.cluster !== undefined && { cluster: options.cluster }),
    ...(options.priority !== undefined && { priority: options.priority }),
    ...(options.maxRetries !== undefined && { maxRetries: options.maxRetries }),
    ...(options.attemptTimeout !== undefined && { attemptTimeoutMs: options.attemptTimeout }),
    ...(options.display !== undefined && { display: options.display }),
    ...(options.idempotencyKey !== undefined && { idempotencyKey: options.idempotencyKey }),
  };
}

async function follow(client: Client, job: Job, options: Options, io: CliIo, setExitCode: SetExitCode): Promise<void> {
  if (options.watch === true) return setExitCode(await watchToEnd(client, job.id, options, io));
  if (options.wait === true) return setExitCode(await waitToEnd(client, job, options, io));
  if (options.json === true) return writeJson(io, job);
  writeLines(io, [job.id]);
  // The id alone goes to standard output, so that a script can take it; people at a terminal also learn what to do with it.
  if (io.stderr.isTTY === true) {
    io.stderr.write(`Submitted ${oneLine(job.name)}. Watch it with: taskgrove job watch ${job.id}\n`);
  }
}

async function waitToEnd(client: Client, submitted: Job, options: Options, io: CliIo): ReturnType<typeof watchToEnd> {
  if (options.json !== true) writeLines(io, [submitted.id]);
  const job = await untilInterrupted(io, (signal) => client.jobs.wait(submitted.id, { signal }));
  if (options.json === true) writeJson(io, job);
  else writeLines(io, outcomeLines(job, io.clock(), stdoutStyle(io)));
  return exitCodeOf(job);
}
