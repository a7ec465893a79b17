import type { DatabaseSync } from "node:sqlite";
import type { Part, PartHeader, WriteSet } from "../store.ts";
import { type Command, command, type Query, query } from "./query.ts";

/** Subtasks that came in parts and wait for the outcome that seals them. */
export class PartTable {
  readonly #staged: Query<[number: number, summary: string]>;
  readonly #payload: Query<[Uint8Array]>;
  readonly #put: Command;
  readonly #deleteOfTask: Command;
  readonly #deleteOfAttempt: Command;
  readonly #deleteOne: Command;
  readonly #deleteSome: Command;

  constructor(db: DatabaseSync) {
    this.#staged = query(db, "SELECT number, summary FROM part WHERE task_id = ? AND lease_token = ? ORDER BY number");
    this.#payload = query(db, "SELECT payload FROM part WHERE task_id = ? AND lease_token = ? AND number = ?");
    this.#put = command(
      db,
      "INSERT INTO part (task_id, lease_token, number, summary, payload) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#deleteOfTask = command(db, "DELETE FROM part WHERE task_id = ?");
    this.#deleteOfAttempt = command(db, "DELETE FROM part WHERE task_id = ? AND lease_token = ?");
    this.#deleteOne = command(db, "DELETE FROM part WHERE task_id = ? AND lease_token = ? AND number = ?");
    this.#deleteSome = command(
      db,
      "DELETE FROM part WHERE rowid IN (SELECT rowid FROM part WHERE task_id = ? LIMIT ?)",
    );
  }

  staged(taskId: string, leaseToken: string): PartHeader[] {
    return this.#staged.all(taskId, leaseToken).map(([number, summary]) => ({ taskId, leaseToken, number, summary }));
  }

  payload(taskId: string, leaseToken: string, number: number): Uint8Array | null {
    return this.#payload.get(taskId, leaseToken, number)?.[0] ?? null;
  }

  put(parts: readonly Part[]): void {
    for (const { taskId, leaseToken, number, summary, payload } of parts) {
      this.#put.run(taskId, leaseToken, number, summary, payload);
    }
  }

  delete(targets: NonNullable<WriteSet["deleteParts"]>): void {
    for (const { taskId, leaseToken, number } of targets) {
      if (leaseToken === undefined) this.#deleteOfTask.run(taskId);
      else if (number === undefined) this.#deleteOfAttempt.run(taskId, leaseToken);
      else this.#deleteOne.run(taskId, leaseToken, number);
    }
  }

  /** Deletes up to `limit` parts of a task and returns how many it found. */
  deleteOf(taskId: string, limit: number): number {
    return Number(this.#deleteSome.run(taskId, limit).changes);
  }
}
