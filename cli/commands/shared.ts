import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import type { Client, TlsOptions } from "taskgrove";
import { InterruptedError, UsageError } from "../exit-codes.ts";
import type { CliIo } from "../io.ts";

const defaultAddress = "127.0.0.1:4150";

/** Options of every command that talks to an orchestrator. */
export interface ConnectionOptions {
  readonly address?: string;
  readonly tls?: boolean;
  readonly ca?: string;
  readonly json?: boolean;
}

/** Adds the options that every command that talks to an orchestrator has. */
export function withConnection(command: Command): Command {
  return command
    .option(
      "--address <host:port>",
      "where the orchestrator is; several with commas between them (default: $TASKGROVE_ADDRESS, else 127.0.0.1:4150)",
    )
    .option("--tls", "connect with TLS, trusting the well-known authorities (default: $TASKGROVE_TLS)")
    .option("--ca <file>", "connect with TLS, trusting the certificates in this PEM file (default: $TASKGROVE_CA)")
    .option("--json", "write JSON for machines: one object, or one per line");
}

/** Where the orchestrator is, as it was said. */
export function resolveAddress(options: ConnectionOptions, io: CliIo): string {
  return options.address ?? (io.env.TASKGROVE_ADDRESS || defaultAddress);
}

/** Runs with a client that is closed afterwards. @throws UsageError for what is no address or no file with certificates. */
export async function withClient<T>(
  options: ConnectionOptions,
  io: CliIo,
  run: (client: Client) => Promise<T>,
): Promise<T> {
  using client = openClient(options, io);
  return await run(client);
}

function openClient(options: ConnectionOptions, io: CliIo): Client {
  const tls = resolveTls(options, io);
  try {
    return io.connect({ address: resolveAddress(options, io), tls });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const source = options.address === undefined ? "TASKGROVE_ADDRESS" : "--address";
    throw new UsageError(`${source}: ${error.message}`);
  }
}

function resolveTls(options: ConnectionOptions, io: CliIo): TlsOptions {
  const file = options.ca ?? io.env.TASKGROVE_CA;
  if (file) return { rootCertificates: readCertificates(file, options.ca === undefined ? "TASKGROVE_CA" : "--ca") };
  return options.tls ?? parseSwitch("TASKGROVE_TLS", io.env.TASKGROVE_TLS);
}

function readCertificates(file: string, source: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`${source}: cannot read ${file}: ${error instanceof Error ? error.message : error}`);
  }
  if (!text.includes("-----BEGIN CERTIFICATE-----")) {
    throw new UsageError(`${source}: there is no certificate in PEM in ${file}`);
  }
  return text;
}

function parseSwitch(name: string, text = ""): boolean {
  if (["1", "true"].includes(text)) return true;
  if (["", "0", "false"].includes(text)) return false;
  throw new UsageError(`${name} is ${JSON.stringify(text)}; it must be one of true, false`);
}

/** Runs with a signal that aborts with an {@link InterruptedError} at Ctrl-C. */
export async function untilInterrupted<T>(io: CliIo, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const takeBack = io.onInterrupt(() => controller.abort(new InterruptedError("interrupted")));
  try {
    return await run(controller.signal);
  } catch (error) {
    // Whatever an aborted call rejects with, the cause is the interruption.
    controller.signal.throwIfAborted();
    throw error;
  } finally {
    takeBack();
  }
}

/** The id that the user means: an id, or `latest` for the job that was submitted last. */
export async function resolveJobId(client: Client, given: string): Promise<string> {
  if (given !== "latest") return given;
  for await (const job of client.jobs.list({ limit: 1 })) return job.id;
  throw new UsageError("there is no job yet, so none is the latest");
}

/** Parses a whole number within bounds, for commander. */
export function parseInteger(least: number, most = 2 ** 31 - 1): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^-?\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}
