import type { DatabaseSync } from "node:sqlite";
import type { CacheFilter, CacheListing, CacheValueRecord, PageRequest, WriteSet } from "../store.ts";
import { type Command, command, type Query, query } from "./query.ts";

type ValueRow = readonly [jobId: string, key: string, valueId: string, size: number, writtenAt: number];

const COLUMNS = "job_id, cache_key, value_id, size, written_at";
const BEHIND = `SELECT ${COLUMNS} FROM cache_value WHERE job_id = ? AND cache_key >= ? ORDER BY cache_key LIMIT ?`;

/** Values of the job caches and uploads in progress, as the writing connection sees them. */
export class CacheTable {
  readonly #byKey: Query<ValueRow>;
  readonly #behind: Query<ValueRow>;
  readonly #abandoned: Query<[string]>;
  readonly #uploadById: Query<[string]>;
  readonly #uploadsOfJob: Query<[string]>;
  readonly #beginUpload: Command;
  readonly #endUpload: Command;
  readonly #putChunk: Command;
  readonly #putValue: Command;
  readonly #deleteValue: Command;
  readonly #deleteChunks: Command;
  readonly #deleteSomeChunks: Command;

  constructor(db: DatabaseSync) {
    this.#byKey = query(db, `SELECT ${COLUMNS} FROM cache_value WHERE job_id = ? AND cache_key = ?`);
    this.#behind = query(db, BEHIND);
    this.#abandoned = query(db, "SELECT value_id FROM upload INDEXED BY upload_by_start WHERE started_at < ? LIMIT ?");
    this.#uploadsOfJob = query(db, "SELECT value_id FROM upload INDEXED BY upload_by_job WHERE job_id = ?");
    this.#beginUpload = command(
      db,
      `INSERT INTO upload (value_id, job_id, started_at) VALUES (?, ?, ?)
       ON CONFLICT (value_id) DO UPDATE SET started_at = excluded.started_at`,
    );
    this.#uploadById = query(db, "SELECT value_id FROM upload WHERE value_id = ?");
    this.#endUpload = command(db, "DELETE FROM upload WHERE value_id = ?");
    this.#putChunk = command(db, "INSERT INTO cache_chunk (value_id, number, data) VALUES (?, ?, ?)");
    this.#putValue = command(db, `INSERT OR REPLACE INTO cache_value (${COLUMNS}) VALUES (?, ?, ?, ?, ?)`);
    this.#deleteValue = command(db, "DELETE FROM cache_value WHERE job_id = ? AND cache_key = ? AND value_id = ?");
    this.#deleteChunks = command(db, "DELETE FROM cache_chunk WHERE value_id = ?");
    this.#deleteSomeChunks = command(
      db,
      "DELETE FROM cache_chunk WHERE rowid IN (SELECT rowid FROM cache_chunk WHERE value_id = ? LIMIT ?)",
    );
  }

  find(jobId: string, key: string): CacheValueRecord | null {
    const row = this.#byKey.get(jobId, key);
    return row === undefined ? null : decodeValue(row);
  }

  below(jobId: string, prefix: string, limit: number): CacheValueRecord[] {
    const values = this.#behind.all(jobId, prefix, limit).map(decodeValue);
    const end = values.findIndex((value) => !value.key.startsWith(prefix));
    return end === -1 ? values : values.slice(0, end);
  }

  abandoned(before: number, limit: number): string[] {
    return this.#abandoned.all(before, limit).map(([id]) => id);
  }

  uploads(valueIds: readonly string[]): string[] {
    return valueIds.filter((id) => this.#uploadById.get(id) !== undefined);
  }

  begin(uploads: NonNullable<WriteSet["beginUploads"]>): void {
    for (const { valueId, jobId, startedAt } of uploads) this.#beginUpload.run(valueId, jobId, startedAt);
  }

  putChunks(chunks: NonNullable<WriteSet["putChunks"]>): void {
    for (const { valueId, index, data } of chunks) this.#putChunk.run(valueId, index, data);
  }

  finish(values: readonly CacheValueRecord[]): void {
    for (const { valueId, jobId, key, size, writtenAt } of values) {
      const earlier = this.find(jobId, key);
      if (earlier !== null && earlier.valueId !== valueId) this.#deleteChunks.run(earlier.valueId);
      this.#endUpload.run(valueId);
      this.#putValue.run(jobId, key, valueId, size, writtenAt);
    }
  }

  delete(values: NonNullable<WriteSet["deleteCacheValues"]>): void {
    for (const { jobId, key, valueId } of values) {
      if (Number(this.#deleteValue.run(jobId, key, valueId).changes) > 0) this.#deleteChunks.run(valueId);
    }
  }

  abort(valueIds: readonly string[]): void {
    for (const id of valueIds) {
      // What was finished in the meantime is a value by now, and stays.
      if (Number(this.#endUpload.run(id).changes) > 0) this.#deleteChunks.run(id);
    }
  }

  /** Deletes up to `limit` rows of a job's values and uploads and returns how many it found. A chunk counts as `CHUNK_WEIGHT` rows. */
  deleteOf(jobId: string, limit: number): number {
    let left = limit;
    for (const value of this.below(jobId, "", limit)) {
      if (left <= 0) return limit;
      left -= this.#deleteChunksOf(value.valueId, left);
      if (left > 0) left -= Number(this.#deleteValue.run(jobId, value.key, value.valueId).changes);
    }
    for (const [id] of this.#uploadsOfJob.all(jobId)) {
      if (left <= 0) return limit;
      left -= this.#deleteChunksOf(id, left);
      if (left > 0) left -= Number(this.#endUpload.run(id).changes);
    }
    return limit - Math.max(0, left);
  }

  #deleteChunksOf(valueId: string, limit: number): number {
    return Number(this.#deleteSomeChunks.run(valueId, Math.ceil(limit / CHUNK_WEIGHT)).changes) * CHUNK_WEIGHT;
  }
}

/** A chunk of 1 MiB is 256 pages to give back, where most rows share a page with others. */
const CHUNK_WEIGHT = 64;

/** Rows read at once while looking for groups: most are passed over by the first group among them. */
const DIRECT_PAGE = 100;

/** Reads and lists values. */
export class CacheReader {
  readonly #byKey: Query<ValueRow>;
  readonly #behind: Query<ValueRow>;
  readonly #chunk: Query<[Uint8Array]>;

  constructor(db: DatabaseSync) {
    this.#byKey = query(db, `SELECT ${COLUMNS} FROM cache_value WHERE job_id = ? AND cache_key = ?`);
    this.#behind = query(db, BEHIND);
    this.#chunk = query(db, "SELECT data FROM cache_chunk WHERE value_id = ? AND number = ?");
  }

  find(jobId: string, key: string): CacheValueRecord | null {
    const row = this.#byKey.get(jobId, key);
    return row === undefined ? null : decodeValue(row);
  }

  chunk(valueId: string, index: number): Uint8Array | null {
    return this.#chunk.get(valueId, index)?.[0] ?? null;
  }

  /** The cursor is where the next page begins: a key that sorts directly behind all that was listed. */
  list(filter: CacheFilter, page: PageRequest): CacheListing {
    const { jobId, prefix, directOnly } = filter;
    const values: CacheValueRecord[] = [];
    const groups: string[] = [];
    let from = page.after === null ? prefix : decodeCursor(page.after);
    if (from === null) return { values, groups, next: null };
    while (values.length + groups.length < page.limit) {
      const left = page.limit - values.length - groups.length;
      const wanted = directOnly ? Math.min(left, DIRECT_PAGE) : left;
      const found = this.#behind.all(jobId, from, wanted);
      let jumped = false;
      for (const row of found) {
        if (!row[1].startsWith(prefix)) return { values, groups, next: null };
        const slash = directOnly ? row[1].indexOf("/", prefix.length) : -1;
        if (slash === -1) {
          values.push(decodeValue(row));
          from = `${row[1]}\0`;
          continue;
        }
        const group = row[1].slice(0, slash + 1);
        groups.push(group);
        from = behindGroup(group);
        jumped = true;
        break;
      }
      if (!jumped && found.length < wanted) return { values, groups, next: null };
    }
    const more = this.#behind.get(jobId, from, 1);
    return { values, groups, next: more?.[1].startsWith(prefix) === true ? encodeCursor(from) : null };
  }
}

/** The first key that sorts behind all keys of a group: "0" is the character after "/". */
function behindGroup(group: string): string {
  return `${group.slice(0, -1)}0`;
}

/** Tells our cursors from those of another driver. */
const CURSOR_MARK = "from:";

function encodeCursor(from: string): string {
  return `${CURSOR_MARK}${from}`;
}

/** null: not a cursor of ours. */
function decodeCursor(cursor: string): string | null {
  return cursor.startsWith(CURSOR_MARK) ? cursor.slice(CURSOR_MARK.length) : null;
}

function decodeValue([jobId, key, valueId, size, writtenAt]: ValueRow): CacheValueRecord {
  return { valueId, jobId, key, size, writtenAt };
}
