import { Binary, type Filter } from "mongodb";
import type { Part, PartHeader, WriteSet } from "../store.ts";
import type { PartRow } from "./rows.ts";
import type { Step } from "./step.ts";

/** Subtasks that came in parts and wait for the outcome that seals them. */
export class PartTable {
  readonly #step: Step;

  constructor(step: Step) {
    this.#step = step;
  }

  async staged(taskId: string, leaseToken: string): Promise<PartHeader[]> {
    const options = { sort: { number: 1 }, projection: { payload: 0 } } as const;
    const found = await this.#step.find(this.#step.rows.part, { task: taskId, token: leaseToken }, options);
    return found.map(({ number, summary }) => ({ taskId, leaseToken, number, summary }));
  }

  async payload(taskId: string, leaseToken: string, number: number): Promise<Uint8Array | null> {
    const [row] = await this.#step.findByIds(this.#step.rows.part, [partId(taskId, leaseToken, number)]);
    return row === undefined ? null : row.payload.buffer;
  }

  /** One that exists is left as it is. */
  put(parts: readonly Part[]): void {
    const { rows } = this.#step;
    for (const { taskId: task, leaseToken: token, number, summary, payload } of parts) {
      const values = { task, token, number, summary, payload: new Binary(payload) };
      this.#step.update(rows.part, { _id: partId(task, token, number) }, { $setOnInsert: values }, true);
    }
  }

  delete(targets: NonNullable<WriteSet["deleteParts"]>): void {
    const { rows } = this.#step;
    const tasks: string[] = [];
    const ids: string[] = [];
    const attempts: Filter<PartRow>[] = [];
    for (const { taskId, leaseToken, number } of targets) {
      if (leaseToken === undefined) tasks.push(taskId);
      else if (number === undefined) attempts.push({ task: taskId, token: leaseToken });
      else ids.push(partId(taskId, leaseToken, number));
    }
    if (tasks.length > 0) this.#step.deleteMany(rows.part, { task: { $in: tasks } });
    for (const attempt of attempts) this.#step.deleteMany(rows.part, attempt);
    this.#step.deleteByIds(rows.part, ids);
  }

  /** Deletes up to `limit` parts of these tasks, or of a job's root tasks, and returns how many it found. */
  async deleteOf(ownerIds: readonly string[], limit: number): Promise<number> {
    if (ownerIds.length === 0) return 0;
    const { rows } = this.#step;
    const options = { projection: { _id: 1 }, limit };
    const ids = (await this.#step.find(rows.part, { task: { $in: [...ownerIds] } }, options)).map((row) => row._id);
    this.#step.deleteByIds(rows.part, ids);
    return ids.length;
  }
}

function partId(taskId: string, leaseToken: string, number: number): string {
  return `${taskId}/${leaseToken}/${number}`;
}
