import { setTimeout as sleep } from "node:timers/promises";
import { type DisturbanceRecord, monotonicMs } from "./history.ts";
import { type Disturbance, describeDisturbance } from "./schedule.ts";
import type { System } from "./system.ts";

/**
 * Carries out a schedule: each row on its own, one disturbance after the other. What takes longer to be undone than planned moves the rest of its
 * row; what would end after the time is over is left out.
 */
export class Disturber {
  readonly #system: System;
  readonly #record: (record: DisturbanceRecord) => void;
  readonly #current = new Set<string>();

  constructor(system: System, record: (record: DisturbanceRecord) => void) {
    this.#system = system;
    this.#record = record;
  }

  /** What is disturbed right now, for people. */
  get current(): string[] {
    return [...this.#current];
  }

  /** Resolves when all is over and undone. */
  async run(schedule: readonly Disturbance[], durationMs: number): Promise<void> {
    const startMs = monotonicMs();
    const rows = Map.groupBy(schedule, ({ row }) => row);
    await Promise.all(Array.from(rows.values(), (row) => this.#runRow(row, startMs, durationMs)));
    await sleep(Math.max(0, startMs + durationMs - monotonicMs()));
  }

  async #runRow(row: readonly Disturbance[], startMs: number, durationMs: number): Promise<void> {
    for (const disturbance of row) {
      const waitMs = startMs + disturbance.atMs - monotonicMs();
      if (waitMs > 0) await sleep(waitMs);
      if (monotonicMs() - startMs + disturbance.lastsMs > durationMs + 1_000) return;
      await this.#carryOut(disturbance);
    }
  }

  async #carryOut(disturbance: Disturbance): Promise<void> {
    const what = describeDisturbance(disturbance);
    this.#current.add(what);
    const at = monotonicMs();
    await this.#system.disturb(disturbance);
    await sleep(disturbance.lastsMs);
    await this.#system.mend(disturbance);
    this.#current.delete(what);
    const parts = disturbance.kind === "link" ? disturbance.links : [disturbance.target];
    this.#record({ at, until: monotonicMs(), what, parts, holdsUp: holdsUp(disturbance) });
  }
}

function holdsUp(disturbance: Disturbance): boolean {
  return disturbance.kind === "link" ? disturbance.mode.kind !== "reset" : disturbance.kind === "freeze";
}
