import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { Figure } from "../figures.ts";
import type { BenchOptions } from "../options.ts";
import type { Bench, Scenario } from "./bench.ts";
import { atExit, deleteFolder } from "./cleanup.ts";
import { startOrchestrator } from "./orchestrator.ts";
import { startRunners } from "./runners.ts";
import type { BenchStore } from "./store.ts";

/** No scenario takes longer; one that does has failed. */
const TIMEOUT_MS = 10 * 60_000;

/** What a scenario is run with. */
export interface ScenarioRun {
  readonly scenario: Scenario;
  readonly options: BenchOptions;
  readonly store: BenchStore;
  /** Databases and logs go to a folder below. */
  readonly directory: string;
  readonly say: Bench["say"];
  readonly onFigure: (figure: Figure) => void;
}

/** Runs one scenario; when it has ended, its processes and files are gone. Rejects when it failed or took too long. */
export async function runScenario({ scenario, options, store, directory, say, onFigure }: ScenarioRun): Promise<void> {
  const failed = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => failed.reject(new Error(`took longer than ${TIMEOUT_MS / 60_000} minutes`)),
    TIMEOUT_MS,
  );
  await using resources = new AsyncDisposableStack();
  resources.defer(() => clearTimeout(timer));
  const folder = mkdtempSync(join(directory, "taskgrove-bench-"));
  const forgetFolder = atExit(() => deleteFolder(folder));
  resources.defer(() => {
    forgetFolder();
    deleteFolder(folder);
  });
  const { quick, concurrency, profile } = options;
  const openDatabase = async (name: string) => resources.use(await store.openDatabase(name, folder));
  const bench: Bench = {
    quick,
    say,
    scaled: (full) => Math.max(1, Math.round(full * store.scale)),
    speedTarget: (target) => (store.kind === "sqlite" ? { target } : {}),
    openDatabase,
    async startOrchestrator(name, shared) {
      const database = shared ?? (await openDatabase(name));
      const orchestrator = resources.use(await startOrchestrator({ name, directory: folder, database, profile }));
      orchestrator.process.unexpectedEnd.catch(failed.reject);
      return orchestrator;
    },
    async startRunners(count = options.runners) {
      const runners = resources.use(await startRunners({ count, concurrency, directory: folder, profile }));
      runners.unexpectedEnd.catch(failed.reject);
      return runners;
    },
  };
  const figures = scenario(bench);
  for (;;) {
    const next = await Promise.race([figures.next(), failed.promise]);
    if (next.done) return;
    onFigure(next.value);
  }
}
