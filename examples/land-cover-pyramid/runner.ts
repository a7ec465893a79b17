import { parseArgs } from "node:util";
import { Runner } from "taskgrove";
import { landCoverTasks } from "./tasks.ts";

const { values } = parseArgs({
  options: { address: { type: "string" }, name: { type: "string" }, concurrency: { type: "string", default: "4" } },
});

const runner = new Runner({
  tasks: landCoverTasks,
  concurrency: Number(values.concurrency),
  ...(values.address !== undefined && { address: values.address }),
  ...(values.name !== undefined && { name: values.name }),
});

// Until SIGTERM: then it finishes what it has, and releases what takes too long.
await runner.run();
