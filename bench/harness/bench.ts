import type { Figure } from "../figures.ts";
import type { Orchestrator } from "./orchestrator.ts";
import type { Runners } from "./runners.ts";

/** What a scenario works with. Whatever it starts is stopped when the scenario has ended, whichever way. */
export interface Bench {
  readonly quick: boolean;
  /** Starts an orchestrator on a database of its own. */
  startOrchestrator(name: string): Promise<Orchestrator>;
  /** Starts the runner processes. */
  startRunners(): Promise<Runners>;
  /** Shows what is going on. */
  say(what: string): void;
}

/** Something to measure; figures come as soon as they are known. */
export type Scenario = (bench: Bench) => AsyncGenerator<Figure, void>;
