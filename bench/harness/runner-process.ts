/** Entry of a runner process: an SDK runner that is told by messages where to run. It ends with the benchmark. */
import { createStderrLogger, Runner } from "taskgrove";
import { BENCH_TASKS } from "../tasks.ts";

/** What the benchmark tells a runner process. */
export type ToRunner =
  | { readonly kind: "start"; readonly address: string; readonly name: string; readonly concurrency: number }
  | { readonly kind: "stop" };

/** What a runner process tells. `ready`: it takes messages. `stopped`: its session has ended. */
export type FromRunner = { readonly kind: "ready" } | { readonly kind: "stopped" };

let runner: Runner | undefined;

function tell(message: FromRunner): void {
  process.send?.(message);
}

process.on("message", (message: ToRunner) => {
  if (message.kind === "start") {
    const { address, name, concurrency } = message;
    runner = new Runner({ tasks: BENCH_TASKS, address, name, concurrency, logger: createStderrLogger("warn") });
    void runner.run({ handleSignals: false });
  } else {
    void runner?.stop().then(() => tell({ kind: "stopped" }));
  }
});
process.on("disconnect", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));
tell({ kind: "ready" });
