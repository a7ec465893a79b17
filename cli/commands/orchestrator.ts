import { type Config, createLogger, loadConfig, type Orchestrator, startOrchestrator } from "@taskgrove/orchestrator";
import { UsageError } from "../exit-codes.ts";
import type { CliIo } from "../io.ts";

/**
 * Reads the orchestrator's configuration. Undefined when its help was asked for, which has been written then.
 *
 * @throws UsageError listing everything that is not valid.
 */
export function readConfig(io: CliIo, args: readonly string[]): Config | undefined {
  const result = loadConfig({ env: io.env, args });
  if (result.kind === "config") return result.config;
  if (result.kind === "refused") {
    throw new UsageError(
      `the configuration is not valid:\n${result.problems.map((problem) => `  - ${problem}`).join("\n")}`,
    );
  }
  io.stdout.write(result.text);
  return undefined;
}

/**
 * Runs an orchestrator until Ctrl-C or SIGTERM, and stops it gracefully; a second signal stops at once.
 *
 * @throws UsageError when an address or the store cannot be used.
 */
export async function serve(
  config: Config,
  io: CliIo,
  onListening: (orchestrator: Orchestrator, logger: ReturnType<typeof createLogger>) => void,
): Promise<void> {
  const logger = createLogger(config.logLevel);
  const orchestrator = await startOrchestrator(config, { logger }).catch((error) => {
    throw new UsageError(`cannot start the orchestrator: ${error instanceof Error ? error.message : String(error)}`);
  });
  // Before anybody is told that it runs: a signal right behind that must find it listening.
  const interrupted = new Promise<void>((resolve) => io.onInterrupt(resolve));
  onListening(orchestrator, logger);
  await interrupted;
  // From here on the signal does what it does by default: it ends the process.
  await orchestrator.stop();
}
