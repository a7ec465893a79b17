/** A runner in a process of its own, for tests that kill it. Arguments: the orchestrator's address. */
import { createStderrLogger } from "../logger.ts";
import { Runner } from "../runner/runner.ts";
import { Halve } from "./tree-tasks.ts";

const logger = createStderrLogger("warn");
await new Runner({ address: process.argv[2] ?? "", tasks: [Halve], concurrency: 16, logger }).run();
