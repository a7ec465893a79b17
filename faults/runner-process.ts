/** Entry of a runner process: `runner-process.ts NAME HISTORY_FILE CONCURRENCY ADDRESS...`. Runs until it is killed. */
import { createStderrLogger, Runner } from "taskgrove";
import { HistoryFile, type RunnerRecord } from "./history.ts";
import { keepDiary, LaterStep, Step } from "./tasks.ts";

const [name = "", history = "", concurrency = "1", ...addresses] = process.argv.slice(2);
keepDiary({ runner: name, file: new HistoryFile<RunnerRecord>(history) });
// Every other runner has the later version of the code.
const isLater = Number(/\d+/.exec(name)?.[0]) % 2 === 0;
await new Runner({
  tasks: [isLater ? LaterStep : Step],
  addresses,
  name,
  concurrency: Number(concurrency),
  logger: createStderrLogger("debug"),
}).run();
