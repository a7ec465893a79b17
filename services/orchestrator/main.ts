import { describeStore, loadConfig } from "./config.ts";
import { type Orchestrator, startOrchestrator } from "./start.ts";
import { createLogger } from "./telemetry/logger.ts";

/** The process: reads the configuration, serves until it is told to stop, and ends with 0 when it stopped gracefully. */
async function main(): Promise<void> {
  const result = loadConfig({ env: process.env, args: process.argv.slice(2) });
  if (result.kind === "help") {
    process.stdout.write(result.text);
    return;
  }
  if (result.kind === "refused") {
    const list = result.problems.map((problem) => `  - ${problem}\n`).join("");
    process.stderr.write(
      `The configuration has ${result.problems.length} problem(s):\n${list}--help lists all flags.\n`,
    );
    process.exitCode = 2;
    return;
  }

  const { config } = result;
  const logger = createLogger(config.logLevel);
  const die = (error: unknown) => {
    logger.fatal({ err: error }, "stopping at once after an unexpected error");
    process.exit(1);
  };
  process.on("uncaughtException", die);
  process.on("unhandledRejection", die);

  let orchestrator: Orchestrator | undefined;
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    if (++signals > 1) process.exit(1);
    logger.info({ signal }, "asked to stop; once more stops at once");
    // Before it has started it has promised nobody anything. As the first process of a container it would not even end without this.
    if (orchestrator === undefined) process.exit(0);
    orchestrator.stop().then(() => process.exit(0), die);
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);

  orchestrator = await startOrchestrator(config, { logger }).catch((error: unknown) => {
    logger.fatal({ err: error }, "could not start");
    process.exit(1);
  });
  const { grpcAddress, httpAddress } = orchestrator;
  logger.info({ grpcAddress, httpAddress, store: describeStore(config.store) }, "listening");
}

await main();
