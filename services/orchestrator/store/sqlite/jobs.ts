import type { DatabaseSync } from "node:sqlite";
import type { JobRecord } from "../../domain/records.ts";
import { foldCase } from "../codes.ts";
import { decodeJob, encodeMutableJob, JOB_COLUMNS, type JobRow, MUTABLE_JOB_COLUMNS } from "./job-codec.ts";
import type { JobKeys } from "./job-keys.ts";
import { type Command, command, type Query, query } from "./query.ts";
import { createRecordCache } from "./record-cache.ts";

const CACHE_CAPACITY = 8_192;

/** Jobs as the writing connection sees them. */
export class JobTable {
  readonly #keys: JobKeys;
  readonly #cache = createRecordCache<JobRecord>(CACHE_CAPACITY);
  readonly #byId: Query<JobRow>;
  readonly #byIdempotencyKey: Query<JobRow>;
  readonly #ended: Query<JobRow>;
  readonly #insert: Command;
  readonly #update: Command;

  constructor(db: DatabaseSync, keys: JobKeys) {
    this.#keys = keys;
    this.#byId = query(db, `SELECT ${JOB_COLUMNS} FROM job WHERE id = ?`);
    this.#byIdempotencyKey = query(
      db,
      `SELECT ${JOB_COLUMNS} FROM job INDEXED BY job_by_idempotency_key WHERE idempotency_key = ?`,
    );
    this.#ended = query(
      db,
      `SELECT ${JOB_COLUMNS} FROM job INDEXED BY job_by_end
       WHERE status <> 0 AND ended_at <= ? ORDER BY ended_at, key LIMIT ?`,
    );
    this.#insert = command(
      db,
      `INSERT INTO job (key, id, name, folded_name, priority, trace_parent, clusters, idempotency_key, body_digest, submitted_at,
         ${MUTABLE_JOB_COLUMNS.join(", ")}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#update = command(
      db,
      `UPDATE job SET ${MUTABLE_JOB_COLUMNS.map((column) => `${column} = ?`).join(", ")} WHERE key = ?`,
    );
  }

  load(ids: readonly string[]): JobRecord[] {
    const jobs: JobRecord[] = [];
    for (const id of ids) {
      const job = this.#cache.get(id)?.record ?? this.#decode(this.#byId.get(id));
      if (job !== undefined) jobs.push(job);
    }
    return jobs;
  }

  loadByIdempotencyKey(keys: readonly string[]): JobRecord[] {
    const jobs: JobRecord[] = [];
    for (const key of keys) {
      const job = this.#decode(this.#byIdempotencyKey.get(key));
      if (job !== undefined) jobs.push(job);
    }
    return jobs;
  }

  ended(before: number, limit: number): JobRecord[] {
    return this.#ended.all(before, limit).map(decodeJob);
  }

  insert(jobs: readonly JobRecord[]): void {
    for (const job of jobs) {
      const key = this.#keys.take(job.id);
      this.#insert.run(
        key,
        job.id,
        job.name,
        foldCase(job.name),
        job.priority,
        job.traceParent,
        JSON.stringify(job.clusters),
        job.idempotencyKey,
        job.bodyDigest,
        job.submittedAt,
        ...encodeMutableJob(job),
      );
      this.#cache.set(job.id, { key, record: job });
    }
  }

  update(jobs: readonly JobRecord[]): void {
    for (const job of jobs) {
      const key = this.#keys.keyOf(job.id);
      this.#update.run(...encodeMutableJob(job), key);
      this.#cache.set(job.id, { key, record: job });
    }
  }

  forget(id: string): void {
    this.#cache.delete(id);
    this.#keys.forget(id);
  }

  /** After a rollback. */
  forgetAll(): void {
    this.#cache.clear();
    this.#keys.forgetKeys();
  }

  #decode(row: JobRow | undefined): JobRecord | undefined {
    if (row === undefined) return undefined;
    const job = decodeJob(row);
    this.#keys.remember(job.id, row[0]);
    this.#cache.set(job.id, { key: row[0], record: job });
    return job;
  }
}
