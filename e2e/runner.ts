/** A runner process: `node runner.ts ADDRESS,ADDRESS CONCURRENCY [FILE]`. Runs until it is killed; writes down in FILE what it executes. */
import { Runner } from "taskgrove";
import { FanOut, Join, Leaf, writeDownIn } from "./tasks.ts";

const [address = "", concurrency = "1", file = ""] = process.argv.slice(2);
if (file !== "") writeDownIn(file);
await new Runner({ address, tasks: [FanOut, Join, Leaf], concurrency: Number(concurrency) }).run();
