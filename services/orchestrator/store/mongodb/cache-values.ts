import { Binary, type Filter } from "mongodb";
import type { CacheFilter, CacheListing, CacheValueRecord, PageRequest, WriteSet } from "../store.ts";
import type { Connection } from "./database.ts";
import { findKept } from "./keeper.ts";
import { findRows } from "./pages.ts";
import type { CacheValueRow, Rows } from "./rows.ts";
import type { Step } from "./step.ts";

/** How many rows a chunk counts for where the work of one step is bounded by rows. */
const CHUNK_WEIGHT = 16;
const IN_ORDER = { _id: 1 } as const;

/** Values of the job caches and uploads in progress, as a step sees them. */
export class CacheTable {
  readonly #step: Step;

  constructor(step: Step) {
    this.#step = step;
  }

  async find(jobId: string, key: string): Promise<CacheValueRecord | null> {
    const [row] = await this.#step.findByIds(this.#step.rows.cache_value, [rowId(jobId, key)]);
    return row === undefined ? null : decodeValue(row);
  }

  async below(jobId: string, prefix: string, limit: number): Promise<CacheValueRecord[]> {
    const found = await this.#behind(jobId, prefix, limit);
    const end = found.findIndex((row) => !row.key.startsWith(prefix));
    return (end === -1 ? found : found.slice(0, end)).map(decodeValue);
  }

  async abandoned(before: number, limit: number): Promise<string[]> {
    const due = { field: "started", now: before - 1, limit, projection: { _id: 1 } };
    return (await findKept(this.#step, this.#step.rows.upload, due)).map((row) => row._id);
  }

  async uploads(valueIds: readonly string[]): Promise<string[]> {
    const found = await this.#step.findByIds(this.#step.rows.upload, valueIds, { projection: { _id: 1 } });
    return found.map((row) => row._id);
  }

  begin(uploads: NonNullable<WriteSet["beginUploads"]>): void {
    const { rows, slot: keeper } = this.#step;
    this.#takeStand(uploads);
    for (const { valueId, jobId, startedAt } of uploads) {
      const update = { $set: { job: jobId, started: startedAt, keeper }, $inc: { rev: 1 } };
      this.#step.update(rows.upload, { _id: valueId }, update, true);
    }
  }

  putChunks(chunks: NonNullable<WriteSet["putChunks"]>): void {
    for (const { valueId, index, data } of chunks) {
      const row = { _id: chunkId(valueId, index), value: valueId, data: new Binary(data) };
      this.#step.insert(this.#step.rows.cache_chunk, row);
    }
  }

  async finish(values: readonly CacheValueRecord[]): Promise<void> {
    const { rows } = this.#step;
    this.#takeStand(values);
    const current = await this.#current(values);
    const replaced: string[] = [];
    for (const { valueId: value, jobId: job, key, size, writtenAt: written } of values) {
      const _id = rowId(job, key);
      const earlier = current.get(_id);
      if (earlier !== undefined && earlier !== value) replaced.push(earlier);
      current.set(_id, value);
      this.#step.update(
        rows.cache_value,
        { _id },
        { $set: { job, key, value, size, written }, $inc: { rev: 1 } },
        true,
      );
    }
    this.#step.deleteByIds(
      rows.upload,
      values.map(({ valueId }) => valueId),
    );
    this.#deleteChunks(replaced);
  }

  async delete(values: NonNullable<WriteSet["deleteCacheValues"]>): Promise<void> {
    const { rows } = this.#step;
    const current = await this.#current(values);
    const meant = values.filter(({ jobId, key, valueId }) => current.get(rowId(jobId, key)) === valueId);
    this.#step.deleteByIds(
      rows.cache_value,
      meant.map(({ jobId, key }) => rowId(jobId, key)),
    );
    this.#deleteChunks(meant.map(({ valueId }) => valueId));
  }

  async abort(valueIds: readonly string[]): Promise<void> {
    const { rows } = this.#step;
    // What was finished in the meantime is a value by now, and stays.
    const found = await this.#step.findByIds(rows.upload, valueIds, { projection: { _id: 1 } });
    const ids = found.map((row) => row._id);
    this.#step.deleteByIds(rows.upload, ids);
    this.#deleteChunks(ids);
  }

  /** Deletes up to `limit` rows of a job's values and uploads and returns how many it found. A chunk counts as `CHUNK_WEIGHT` rows. */
  async deleteOf(jobId: string, limit: number): Promise<number> {
    const { rows } = this.#step;
    const values = await this.#behind(jobId, "", limit);
    const uploads = await this.#step.find(rows.upload, { job: jobId }, { limit, projection: { _id: 1 } });
    const valueIds = [...values.map((row) => row.value), ...uploads.map((row) => row._id)];
    if (valueIds.length === 0) return 0;
    const most = Math.ceil(limit / CHUNK_WEIGHT);
    const options = { limit: most, projection: { _id: 1 } };
    const chunks = await this.#step.find(rows.cache_chunk, { value: { $in: valueIds } }, options);
    this.#step.deleteByIds(
      rows.cache_chunk,
      chunks.map((row) => row._id),
    );
    if (chunks.length === most) return limit;
    this.#step.deleteByIds(
      rows.cache_value,
      values.map((row) => row._id),
    );
    this.#step.deleteByIds(
      rows.upload,
      uploads.map((row) => row._id),
    );
    return valueIds.length + chunks.length * CHUNK_WEIGHT;
  }

  /**
   * What is stored for a job is deleted with the job, by a step that must have seen it. Only jobs that have ended are deleted, so a job that goes on, to
   * which many write, is left alone.
   */
  #takeStand(items: readonly { readonly jobId: string }[]): void {
    const jobs = [...new Set(items.map(({ jobId }) => jobId))];
    const ended = { _id: { $in: jobs }, ended: { $gt: -1 } };
    if (jobs.length > 0) this.#step.updateMany(this.#step.rows.job, ended, { $inc: { rev: 1 } });
  }

  /** The ids of the values that are there now, by the ids of their rows. */
  async #current(items: readonly { readonly jobId: string; readonly key: string }[]): Promise<Map<string, string>> {
    const ids = [...new Set(items.map(({ jobId, key }) => rowId(jobId, key)))];
    const found = await this.#step.findByIds(this.#step.rows.cache_value, ids, { projection: { value: 1 } });
    return new Map(found.map((row) => [row._id, row.value]));
  }

  #behind(jobId: string, from: string, limit: number): Promise<CacheValueRow[]> {
    return this.#step.find(this.#step.rows.cache_value, rangeFrom(jobId, from), { sort: IN_ORDER, limit });
  }

  #deleteChunks(valueIds: readonly string[]): void {
    if (valueIds.length > 0) this.#step.deleteMany(this.#step.rows.cache_chunk, { value: { $in: [...valueIds] } });
  }
}

/** Rows read at once while looking for groups: most are passed over by the first group among them. */
const DIRECT_PAGE = 100;

/** Reads and lists values. */
export class CacheReader {
  readonly #rows: Rows;

  constructor({ rows }: Connection) {
    this.#rows = rows;
  }

  async find(jobId: string, key: string): Promise<CacheValueRecord | null> {
    const row = await this.#rows.cache_value.findOne({ _id: rowId(jobId, key) });
    return row === null ? null : decodeValue(row);
  }

  async chunk(valueId: string, index: number): Promise<Uint8Array | null> {
    const row = await this.#rows.cache_chunk.findOne({ _id: chunkId(valueId, index) });
    return row === null ? null : row.data.buffer;
  }

  /** The cursor is the key at which the next page begins. */
  async list(filter: CacheFilter, page: PageRequest): Promise<CacheListing> {
    const listing = new Listing(filter, page.limit);
    let from = page.after === null ? filter.prefix : decodeCursor(page.after);
    const limit = filter.directOnly ? Math.max(page.limit + 1, DIRECT_PAGE) : page.limit + 1;
    while (from !== null) {
      const range = rangeFrom(filter.jobId, from);
      from = listing.add(await findRows(this.#rows.cache_value, range, { sort: IN_ORDER, limit }), limit);
    }
    return listing.result();
  }
}

/** A page that is being put together from rows in order of their keys. */
class Listing {
  readonly #filter: CacheFilter;
  readonly #limit: number;
  readonly #values: CacheValueRecord[] = [];
  readonly #groups: string[] = [];
  #next: string | null = null;

  constructor(filter: CacheFilter, limit: number) {
    this.#filter = filter;
    this.#limit = limit;
  }

  /** `asked`: how many rows would be there if there were enough. Returns the key to go on from; null: the page is done. */
  add(rows: readonly CacheValueRow[], asked: number): string | null {
    const { prefix, directOnly } = this.#filter;
    for (const row of rows) {
      if (!row.key.startsWith(prefix)) return null;
      const slash = directOnly ? row.key.indexOf("/", prefix.length) : -1;
      const group = slash === -1 ? null : row.key.slice(0, slash + 1);
      if (group !== null && group === this.#groups.at(-1)) continue;
      if (this.#values.length + this.#groups.length === this.#limit) {
        this.#next = encodeCursor(row.key);
        return null;
      }
      if (group === null) this.#values.push(decodeValue(row));
      else this.#groups.push(group);
    }
    const last = rows.at(-1);
    return last === undefined || rows.length < asked ? null : this.#behind(last.key);
  }

  result(): CacheListing {
    return { values: this.#values, groups: this.#groups, next: this.#next };
  }

  /** The first key behind one, or behind its whole group if that is listed. */
  #behind(key: string): string {
    const group = this.#groups.at(-1);
    return group !== undefined && key.startsWith(group) ? behindGroup(group) : `${key}\0`;
  }
}

/** The first key that sorts behind all keys of a group: "0" is the character after "/". */
function behindGroup(group: string): string {
  return `${group.slice(0, -1)}0`;
}

function rowId(jobId: string, key: string): string {
  return `${jobId}/${key}`;
}

/** The rows of a job from a key on: strings are ordered by their UTF-8 bytes, which is the order of code points. */
function rangeFrom(jobId: string, key: string): Filter<CacheValueRow> {
  return { _id: { $gte: rowId(jobId, key), $lt: behindGroup(`${jobId}/`) } };
}

function chunkId(valueId: string, index: number): string {
  return `${valueId}/${index}`;
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

function decodeValue(row: CacheValueRow): CacheValueRecord {
  return { valueId: row.value, jobId: row.job, key: row.key, size: row.size, writtenAt: row.written };
}
