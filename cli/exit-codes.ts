import { CommanderError } from "commander";
import { InvalidInputError, TaskgroveError } from "taskgrove";
import { oneLine } from "./format/text.ts";

/** What the process ends with. Part of the interface for scripts: never renumber. */
export const exitCodes = {
  ok: 0,
  /** `job watch`, `submit --wait` and the like: the job has failed or was canceled. */
  jobNotCompleted: 1,
  /** The command line, or what it asks for, is not valid. */
  usage: 2,
  notFound: 3,
  /** No orchestrator answers. */
  unavailable: 4,
  /** The orchestrator refuses, as things stand. */
  refused: 5,
  /** A bug, here or in the orchestrator. */
  unexpected: 70,
  /** Stopped by Ctrl-C. */
  interrupted: 130,
} as const;

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The table that `--help` shows. */
export const exitCodeHelp = `Exit codes:
  0    done
  1    the job has failed or was canceled (job watch, and --wait or --watch)
  2    the command line, or what it asks for, is not valid
  3    there is no such job, cluster or task
  4    no orchestrator answers
  5    the orchestrator refuses as things stand (exists already, is in use, has ended, limit reached)
  70   something unexpected: a bug
  130  stopped by Ctrl-C`;

/** Something in the command line that is not valid, found by the command itself. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Stopped by the user. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}

const codesByStatus: Readonly<Record<string, ExitCode>> = {
  INVALID_ARGUMENT: exitCodes.usage,
  NOT_FOUND: exitCodes.notFound,
  UNAVAILABLE: exitCodes.unavailable,
  DEADLINE_EXCEEDED: exitCodes.unavailable,
  ALREADY_EXISTS: exitCodes.refused,
  FAILED_PRECONDITION: exitCodes.refused,
  RESOURCE_EXHAUSTED: exitCodes.refused,
};

/** The exit code for what a command threw. */
export function exitCodeFor(error: unknown): ExitCode {
  if (error instanceof TaskgroveError) return codesByStatus[error.code] ?? exitCodes.unexpected;
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof UsageError || error instanceof InvalidInputError) return exitCodes.usage;
  return error instanceof InterruptedError ? exitCodes.interrupted : exitCodes.unexpected;
}

/** The sentence for what a command threw; undefined when there is nothing more to say. */
export function describeThrown(error: unknown, address: string): string | undefined {
  if (error instanceof CommanderError || error instanceof InterruptedError) return undefined;
  if (error instanceof TaskgroveError && exitCodeFor(error) === exitCodes.unavailable) {
    // That nobody listens there need not be said twice; whatever else it is helps, such as a certificate that is not trusted.
    const problem = error.message.includes("ECONNREFUSED") ? "" : ` (${oneLine(error.message)})`;
    return `no orchestrator answers at ${address}${problem}. Start one with "taskgrove dev", or say where it is with --address or TASKGROVE_ADDRESS.`;
  }
  if (error instanceof TaskgroveError) return `${oneLine(error.message)} (${error.reason})`;
  if (error instanceof UsageError || error instanceof InvalidInputError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
