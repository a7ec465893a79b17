import type { DatabaseSync } from "node:sqlite";
import { type Command, command, type Query, query } from "./query.ts";
import type { Tables } from "./transaction.ts";

/** Deletes a job with everything that belongs to it, a bounded number of rows at a time, the job itself last. */
export class JobDeletion {
  readonly #tables: Tables;
  readonly #tasksOfJob: Query<[key: number, id: string]>;
  readonly #deleteTask: Command;
  readonly #deleteInput: Command;
  readonly #deleteJob: Command;

  constructor(db: DatabaseSync, tables: Tables) {
    this.#tables = tables;
    // Children first: the parent of a task that can still be listed must be there.
    this.#tasksOfJob = query(
      db,
      "SELECT key, id FROM task INDEXED BY task_tree WHERE job = ? ORDER BY owner DESC, grp DESC, key DESC LIMIT ?",
    );
    this.#deleteTask = command(db, "DELETE FROM task WHERE key = ?");
    this.#deleteInput = command(db, "DELETE FROM task_input WHERE task = ?");
    this.#deleteJob = command(db, "DELETE FROM job WHERE key = ?");
  }

  /** Returns whether nothing is left. */
  deleteSlice(jobId: string, limit: number): boolean {
    const { keys, jobs, groups, parts, changes, cache, work } = this.#tables;
    const job = keys.find(jobId);
    if (job === undefined) return true;
    let left = limit - this.#deleteTasks(job, limit);
    const steps = [
      (rows: number) => groups.deleteOf(jobId, rows),
      (rows: number) => parts.deleteOf(jobId, rows),
      (rows: number) => changes.deleteOf(job, rows),
      (rows: number) => cache.deleteOf(jobId, rows),
    ];
    for (const step of steps) {
      if (left <= 0) return false;
      left -= step(left);
    }
    if (left <= 0) return false;
    work.deleteOfJob(jobId);
    this.#deleteJob.run(job);
    jobs.forget(jobId);
    return true;
  }

  #deleteTasks(job: number, limit: number): number {
    const { groups, parts, tasks } = this.#tables;
    let left = limit;
    for (const [key, id] of this.#tasksOfJob.all(job, limit)) {
      left -= groups.deleteOf(id, left);
      if (left > 0) left -= parts.deleteOf(id, left);
      if (left <= 0) return limit;
      this.#deleteInput.run(key);
      this.#deleteTask.run(key);
      tasks.forget(id);
      left--;
    }
    return limit - left;
  }
}
