import type { Filter } from "mongodb";
import type { WorkItem } from "../../domain/records.ts";
import { NEGLECT_MS } from "./keeper.ts";
import type { WorkRow } from "./rows.ts";
import type { Step } from "./step.ts";

/** Background work as a step sees it: it is done by the process that stored it, and taken over when that neglects it. */
export class WorkTable {
  readonly #step: Step;
  readonly #nextTouch: () => number;

  /** `nextTouch` gives times in milliseconds since the epoch that ascend within this process. */
  constructor(step: Step, nextTouch: () => number) {
    this.#step = step;
    this.#nextTouch = nextTouch;
  }

  /** What this process stored, and what others stored and have not touched for a while, untouched for longest first. */
  async oldest(limit: number, now: number = Date.now()): Promise<WorkItem[]> {
    const { rows, slot } = this.#step;
    // Own items have no time from which on they count: many of them in one millisecond are numbered into the time to come.
    const filter: Filter<WorkRow> = {
      touched: { $gt: -1 },
      $or: [{ keeper: slot }, { touched: { $lte: now - NEGLECT_MS } }],
    };
    return (await this.#step.find(rows.work, filter, { sort: { touched: 1 }, limit })).map(decodeItem);
  }

  put(items: readonly WorkItem[]): void {
    const { rows, slot: keeper } = this.#step;
    for (const { id, kind, jobId, targetId, cursor } of items) {
      const row = { _id: id, kind, job: jobId, target: targetId, touched: this.#nextTouch(), keeper };
      this.#step.replace(rows.work, cursor === null ? row : { ...row, cursor });
    }
  }

  delete(ids: readonly string[]): void {
    this.#step.deleteByIds(this.#step.rows.work, ids);
  }
}

function decodeItem(row: WorkRow): WorkItem {
  return {
    id: row._id,
    kind: row.kind as WorkItem["kind"],
    jobId: row.job,
    targetId: row.target,
    cursor: row.cursor ?? null,
  };
}
