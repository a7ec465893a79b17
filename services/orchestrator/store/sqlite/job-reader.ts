import type { DatabaseSync } from "node:sqlite";
import type { JobState } from "../../domain/job-state.ts";
import type { JobRecord } from "../../domain/records.ts";
import { foldCase } from "../codes.ts";
import type { JobFilter, Page, PageRequest } from "../store.ts";
import { decodeJob, JOB_COLUMNS, type JobRow } from "./job-codec.ts";
import { type Query, query, type Value } from "./query.ts";

/** What users see as a job's state (`domain/job-state.ts`), in terms of the columns. */
const STATE_CONDITIONS: Readonly<Record<JobState, string>> = {
  SUBMITTED: "(status = 0 AND running = 0 AND started_at IS NULL)",
  RUNNING: "(status = 0 AND running > 0)",
  STARTED: "(status = 0 AND running = 0 AND started_at IS NOT NULL)",
  COMPLETED: "(status = 1)",
  FAILED: "(status = 2)",
  CANCELED: "(status = 3)",
};

/** Jobs that one call looks at, so that a filter which matches little cannot hold up everything else. */
const MAX_LOOKED = 10_000;
const NEWEST = `SELECT * FROM job WHERE key < ? ORDER BY key DESC LIMIT ${MAX_LOOKED}`;

/** Jobs by id, and lists of them. */
export class JobReader {
  readonly #db: DatabaseSync;
  readonly #byId: Query<JobRow>;
  readonly #lastLooked: Query<[number | null]>;
  readonly #behind: Query<[number]>;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#byId = query(db, `SELECT ${JOB_COLUMNS} FROM job WHERE id = ?`);
    this.#lastLooked = query(db, `SELECT min(key) FROM (${NEWEST})`);
    this.#behind = query(db, "SELECT 1 FROM job WHERE key < ? LIMIT 1");
  }

  /** The job and the key of its row. */
  find(id: string): { readonly key: number; readonly job: JobRecord } | null {
    const row = this.#byId.get(id);
    return row === undefined ? null : { key: row[0], job: decodeJob(row) };
  }

  /** The newest job has the highest key. Looks at no more than `MAX_LOOKED` jobs: the page may be short and still have a next one. */
  list(filter: JobFilter, page: PageRequest): Page<JobRecord> {
    const before = page.after === null ? Number.MAX_SAFE_INTEGER : Number(page.after);
    if (!Number.isSafeInteger(before)) return { items: [], next: null };
    const conditions: string[] = [];
    const values: Value[] = [];
    if (filter.states.length > 0) {
      conditions.push(`(${filter.states.map((state) => STATE_CONDITIONS[state]).join(" OR ")})`);
    }
    const add = (condition: string, value: Value) => {
      conditions.push(condition);
      values.push(value);
    };
    if (filter.nameContains !== "") add("instr(folded_name, ?) > 0", foldCase(filter.nameContains));
    if (filter.submittedFrom !== null) add("submitted_at >= ?", filter.submittedFrom);
    if (filter.submittedUntil !== null) add("submitted_at < ?", filter.submittedUntil);
    if (filter.cluster !== null) add("EXISTS (SELECT 1 FROM json_each(clusters) WHERE value = ?)", filter.cluster);
    const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
    const sql = `SELECT ${JOB_COLUMNS} FROM (${NEWEST}) ${where} ORDER BY key DESC LIMIT ?`;
    const rows = query<JobRow>(this.#db, sql).all(before, ...values, page.limit);
    const last = rows.length === page.limit ? rows.at(-1)?.[0] : this.#lastLooked.get(before)?.[0];
    const hasMore = last !== undefined && last !== null && this.#behind.get(last) !== undefined;
    return { items: rows.map(decodeJob), next: hasMore ? String(last) : null };
  }
}
