import type { Figure, Target } from "../figures.ts";
import type { Orchestrator } from "./orchestrator.ts";
import type { Runners } from "./runners.ts";
import type { Database } from "./store.ts";

/** What a scenario works with. Whatever it starts is stopped when the scenario has ended, whichever way. */
export interface Bench {
  readonly quick: boolean;
  /** A size or a number of rounds for the store: as given on SQLite, less where each task costs more, but never less than 1. */
  scaled(full: number): number;
  /** The target of a figure that says how fast one machine is: it was set for SQLite and holds there alone. */
  speedTarget(target: Target): Pick<Figure, "target">;
  /** Makes an empty database. */
  openDatabase(name: string): Promise<Database>;
  /** Starts an orchestrator, on a database of its own unless it is given one. */
  startOrchestrator(name: string, database?: Database): Promise<Orchestrator>;
  /** Starts the runner processes: as many as the command line says, unless told otherwise. */
  startRunners(count?: number): Promise<Runners>;
  /** Shows what is going on. */
  say(what: string): void;
}

/** Something to measure; figures come as soon as they are known. */
export type Scenario = (bench: Bench) => AsyncGenerator<Figure, void>;
