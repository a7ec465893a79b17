import { Runner, type RunnerOptions } from "../runner/runner.ts";
import { MemoryLogger } from "./memory-logger.ts";
import { ScriptedServer, type ScriptedStream } from "./scripted-server.ts";

/** A runner that is connected to a scripted server. */
export interface ScriptedRunner extends AsyncDisposable {
  readonly server: ScriptedServer;
  readonly runner: Runner;
  readonly logger: MemoryLogger;
  /** The first stream; its hello was not answered yet. */
  readonly stream: ScriptedStream;
  /** The run, which tests await themselves when they end it. */
  readonly run: Promise<void>;
}

/** Starts a server and a runner. At the end of its scope the runner is stopped and nothing that it logged may hold a lease token. */
export async function startScriptedRunner(
  options: Pick<RunnerOptions, "tasks"> & Partial<RunnerOptions>,
  mode: "run" | "runAll" = "run",
): Promise<ScriptedRunner> {
  const server = await ScriptedServer.start();
  const logger = new MemoryLogger();
  const runner = new Runner({ address: server.address, shutdownGraceMs: 0, logger, ...options });
  const run = mode === "run" ? runner.run({ handleSignals: false }) : runner.runAll({ handleSignals: false });
  // A test that expects a rejection awaits the run itself.
  run.catch(() => {});
  const stream = await server.nextStream();
  return {
    server,
    runner,
    logger,
    stream,
    run,
    async [Symbol.asyncDispose]() {
      void server.settleEverything();
      await runner.stop();
      await server[Symbol.asyncDispose]();
      if (JSON.stringify(logger.records).includes("secret-")) throw new Error("a lease token was logged");
    },
  };
}
