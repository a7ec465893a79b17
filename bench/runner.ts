/** A runner process of the benchmark: `node runner.ts ADDRESS CONCURRENCY`. Runs until SIGTERM. */
import { Runner } from "taskgrove";
import { Chain, FanOut, Halve, Nothing } from "./tasks.ts";

const [address = "", concurrency = "1"] = process.argv.slice(2);
const logger = { debug() {}, info() {}, warn: console.error, error: console.error };
await new Runner({ address, tasks: [Chain, FanOut, Halve, Nothing], concurrency: Number(concurrency), logger }).run();
