import { resolveAddress } from "./commands/shared.ts";
import { describeThrown, type ExitCode, exitCodeFor, exitCodes } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";
import { createProgram } from "./program.ts";

/** Runs one command line, without the program's name. Never throws: what went wrong is told in a sentence and by the exit code. */
export async function runCli(args: readonly string[], io: CliIo): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  const program = createProgram(io, (code) => {
    exitCode = code;
  });
  let address = resolveAddress({}, io);
  program.hook("preAction", (_program, command) => {
    address = resolveAddress(command.opts(), io);
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    const sentence = describeThrown(error, address);
    if (sentence !== undefined) io.stderr.write(`taskgrove: ${sentence}\n`);
    return exitCodeFor(error);
  }
}
