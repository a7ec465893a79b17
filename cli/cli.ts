import { exitCodes } from "./exit-codes.ts";
import { processIo } from "./io.ts";
import { runCli } from "./run.ts";

/** Runs this process's command line and ends the process. */
export async function runProcess(): Promise<void> {
  // A reader that has seen enough, such as "head", is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? exitCodes.ok : exitCodes.unexpected);
  });
  const code = await runCli(process.argv.slice(2), processIo());
  // A pipe may still hold what was written; connections that linger must not keep the process.
  process.stdout.write("", () => process.exit(code));
}
