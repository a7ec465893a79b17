import type { DatabaseSync } from "node:sqlite";
import type { WorkItem } from "../../domain/records.ts";
import { type Command, command, type Query, query } from "./query.ts";

type WorkRow = readonly [id: string, kind: WorkItem["kind"], jobId: string, targetId: string, cursor: string | null];

export class WorkTable {
  readonly #oldest: Query<WorkRow>;
  readonly #put: Command;
  readonly #delete: Command;
  readonly #deleteOfJob: Command;

  constructor(db: DatabaseSync) {
    this.#oldest = query(
      db,
      "SELECT id, kind, job_id, target_id, cursor FROM work INDEXED BY work_by_touch ORDER BY touched LIMIT ?",
    );
    this.#put = command(
      db,
      `INSERT OR REPLACE INTO work (id, kind, job_id, target_id, cursor, touched)
       VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(touched), 0) + 1 FROM work))`,
    );
    this.#delete = command(db, "DELETE FROM work WHERE id = ?");
    this.#deleteOfJob = command(db, "DELETE FROM work WHERE job_id = ?");
  }

  oldest(limit: number): WorkItem[] {
    return this.#oldest
      .all(limit)
      .map(([id, kind, jobId, targetId, cursor]) => ({ id, kind, jobId, targetId, cursor }));
  }

  put(items: readonly WorkItem[]): void {
    for (const { id, kind, jobId, targetId, cursor } of items) this.#put.run(id, kind, jobId, targetId, cursor);
  }

  delete(ids: readonly string[]): void {
    for (const id of ids) this.#delete.run(id);
  }

  deleteOfJob(jobId: string): void {
    this.#deleteOfJob.run(jobId);
  }
}
