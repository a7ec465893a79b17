import { Binary } from "mongodb";
import type { Part, PartHeader, WriteSet } from "../store.ts";
import type { PartRow } from "./rows.ts";
import type { Step } from "./step.ts";

/** A row must be below 16 MiB, and a part may be as large as a message. */
const SLICE_BYTES = 8 * 1024 * 1024;

/** Subtasks that came in parts and wait for the outcome that seals them. */
export class PartTable {
  readonly #step: Step;

  constructor(step: Step) {
    this.#step = step;
  }

  async staged(taskId: string, leaseToken: string): Promise<PartHeader[]> {
    const options = { sort: { number: 1, slice: 1 }, projection: { payload: 0 } } as const;
    const found = await this.#step.find(this.#step.rows.part, { task: taskId, token: leaseToken }, options);
    return found.flatMap(({ number, summary }) =>
      summary === undefined ? [] : [{ taskId, leaseToken, number, summary }],
    );
  }

  async payload(taskId: string, leaseToken: string, number: number): Promise<Uint8Array | null> {
    const part = { task: taskId, token: leaseToken, number };
    const found = await this.#step.find(this.#step.rows.part, part, { sort: { slice: 1 } });
    const slices = found.slice(0, found[0]?.slices).map((row) => row.payload.buffer);
    return slices.length <= 1 ? (slices[0] ?? null) : Buffer.concat(slices);
  }

  /** One that exists is left as it is. */
  put(parts: readonly Part[]): void {
    const { rows } = this.#step;
    for (const part of parts) {
      for (const { _id, ...values } of slicesOf(part)) {
        this.#step.update(rows.part, { _id }, { $setOnInsert: values }, true);
      }
    }
  }

  delete(targets: NonNullable<WriteSet["deleteParts"]>): void {
    const { rows } = this.#step;
    const whole = targets.filter(({ leaseToken }) => leaseToken === undefined).map(({ taskId }) => taskId);
    if (whole.length > 0) this.#step.deleteMany(rows.part, { task: { $in: whole } });
    for (const { taskId: task, leaseToken: token, number } of targets) {
      if (token !== undefined)
        this.#step.deleteMany(rows.part, number === undefined ? { task, token } : { task, token, number });
    }
  }

  /** Deletes up to `limit` rows of parts of these tasks, or of a job's root tasks, and returns how many it found. */
  async deleteOf(ownerIds: readonly string[], limit: number): Promise<number> {
    if (ownerIds.length === 0) return 0;
    const { rows } = this.#step;
    const options = { projection: { _id: 1 }, limit };
    const ids = (await this.#step.find(rows.part, { task: { $in: [...ownerIds] } }, options)).map((row) => row._id);
    this.#step.deleteByIds(rows.part, ids);
    return ids.length;
  }
}

function slicesOf({ taskId: task, leaseToken: token, number, summary, payload }: Part): PartRow[] {
  const slices = Math.max(1, Math.ceil(payload.length / SLICE_BYTES));
  return Array.from({ length: slices }, (_, slice) => {
    const data = payload.subarray(slice * SLICE_BYTES, (slice + 1) * SLICE_BYTES);
    const row = { _id: `${task}/${token}/${number}/${slice}`, task, token, number, slice, payload: new Binary(data) };
    return slice === 0 ? { ...row, slices, summary } : row;
  });
}
