import type { DatabaseSync } from "node:sqlite";
import type { JobRecord } from "../../domain/records.ts";
import { decodeEntry, encodeEntry } from "../change-codec.ts";
import type { ChangeEntry, NewChangeEntry } from "../store.ts";
import type { JobKeys } from "./job-keys.ts";
import { type Command, command, type Query, query } from "./query.ts";

/** The jobs' change logs, for writing. */
export class ChangeTable {
  readonly #jobs: JobKeys;
  readonly #append: Command;
  readonly #delete: Command;

  constructor(db: DatabaseSync, jobs: JobKeys) {
    this.#jobs = jobs;
    this.#append = command(
      db,
      "INSERT INTO change (job, seq, entry) VALUES (?1, coalesce((SELECT max(seq) FROM change WHERE job = ?1), 0) + 1, ?2)",
    );
    this.#delete = command(
      db,
      "DELETE FROM change WHERE job = ?1 AND seq IN (SELECT seq FROM change WHERE job = ?1 ORDER BY seq LIMIT ?2)",
    );
  }

  append(entries: readonly NewChangeEntry[]): void {
    for (const entry of entries) {
      this.#append.run(this.#jobs.reserve(entry.jobId), encodeEntry(entry.job, entry.tasks));
    }
  }

  /** Deletes up to `limit` entries of a job and returns how many it found. */
  deleteOf(job: number, limit: number): number {
    return Number(this.#delete.run(job, limit).changes);
  }
}

/** The jobs' change logs, for reading. */
export class ChangeReader {
  readonly #behind: Query<[seq: number, entry: string]>;

  constructor(db: DatabaseSync) {
    this.#behind = query(db, "SELECT seq, entry FROM change WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?");
  }

  behind(key: number, job: JobRecord, after: string | null, limit: number): ChangeEntry[] {
    const afterSeq = decodePosition(after);
    if (afterSeq === null) return [];
    return this.#behind.all(key, afterSeq, limit).map(([seq, text]) => {
      const entry = decodeEntry(text, job);
      return { jobId: job.id, job: entry.job, tasks: entry.tasks, position: String(seq) };
    });
  }
}

/** null: not a position of ours. */
function decodePosition(position: string | null): number | null {
  if (position === null) return 0;
  return /^\d{1,15}$/.test(position) ? Number(position) : null;
}
