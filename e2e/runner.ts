/** A runner process: `node runner.ts ADDRESS CONCURRENCY`. Runs until it is killed. */
import { Runner } from "taskgrove";
import { FanOut, Join, Leaf } from "./tasks.ts";

const [address = "", concurrency = "1"] = process.argv.slice(2);
await new Runner({ address, tasks: [FanOut, Join, Leaf], concurrency: Number(concurrency) }).run();
