import { describeStore } from "@taskgrove/orchestrator";
import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { readConfig, serve } from "./orchestrator.ts";

/** Adds `taskgrove server`: the orchestrator for operation, with all of its own flags and variables. */
export function addServerCommand(program: Command, io: CliIo): void {
  program
    .command("server")
    .description("run an orchestrator for operation; --help lists its flags and variables")
    .helpOption(false)
    .allowUnknownOption()
    .argument("[flags...]")
    .action(async (flags: readonly string[]) => {
      const config = readConfig(io, flags);
      if (config === undefined) return;
      await serve(config, io, ({ grpcAddress, httpAddress }, logger) => {
        logger.info({ grpcAddress, httpAddress, store: describeStore(config.store) }, "listening");
      });
    });
}
