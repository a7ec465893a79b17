import { Command } from "commander";
import { addClusterCommands } from "./commands/cluster.ts";
import { addDevCommand } from "./commands/dev.ts";
import { addJobCommands } from "./commands/job.ts";
import { addRunnerCommands } from "./commands/runner.ts";
import { addServerCommand } from "./commands/server.ts";
import { type ExitCode, exitCodeHelp } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";

/** Says what the process shall end with when the command itself succeeds. */
export type SetExitCode = (code: ExitCode) => void;

const introduction = `
First steps:
  taskgrove dev                                    start an orchestrator here
  taskgrove job submit hello --task Hello --watch  submit a job and watch it
  taskgrove job list                               see what there is

${exitCodeHelp}

"taskgrove help COMMAND" tells more about each of them.`;

/** The whole command line. Errors are thrown; nothing ends the process. */
export function createProgram(io: CliIo, setExitCode: SetExitCode): Command {
  const program = new Command("taskgrove")
    .description("Taskgrove: an open, self-hosted orchestrator for trees of tasks that grow while they run.")
    .version("0.1.0")
    .enablePositionalOptions()
    .showHelpAfterError("(add --help for what is possible)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
    })
    .addHelpText("after", introduction);
  addDevCommand(program, io);
  addServerCommand(program, io);
  addJobCommands(program, io, setExitCode);
  addClusterCommands(program, io);
  addRunnerCommands(program, io);
  return program;
}
