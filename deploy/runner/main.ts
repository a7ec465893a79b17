import { Runner } from "taskgrove";
import { parseOptions } from "./options.ts";
import { primeTasks } from "./tasks.ts";

// Until SIGTERM: then it takes nothing more, finishes what it has within the grace, and gives the rest back.
await new Runner({ tasks: primeTasks, ...parseOptions(process.argv.slice(2)) }).run();
