import type { DatabaseSync } from "node:sqlite";
import type { JobState } from "../../domain/job-state.ts";
import type { JobRecord } from "../../domain/records.ts";
import type { JobFilter, Page, PageRequest } from "../store.ts";
import { decodeJob, foldCase, JOB_COLUMNS, type JobRow } from "./job-codec.ts";
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

/** Jobs by id, and lists of them. */
export class JobReader {
  readonly #db: DatabaseSync;
  readonly #byId: Query<JobRow>;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#byId = query(db, `SELECT ${JOB_COLUMNS} FROM job WHERE id = ?`);
  }

  /** The job and the key of its row. */
  find(id: string): { readonly key: number; readonly job: JobRecord } | null {
    const row = this.#byId.get(id);
    return row === undefined ? null : { key: row[0], job: decodeJob(row) };
  }

  /** The newest job has the highest key. */
  list(filter: JobFilter, page: PageRequest): Page<JobRecord> {
    const before = page.after === null ? Number.MAX_SAFE_INTEGER : Number(page.after);
    if (!Number.isSafeInteger(before)) return { items: [], next: null };
    const conditions = ["key < ?"];
    const values: Value[] = [before];
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
    const sql = `SELECT ${JOB_COLUMNS} FROM job WHERE ${conditions.join(" AND ")} ORDER BY key DESC LIMIT ?`;
    const rows = query<JobRow>(this.#db, sql).all(...values, page.limit + 1);
    const hasMore = rows.length > page.limit;
    if (hasMore) rows.pop();
    const last = rows.at(-1);
    return { items: rows.map(decodeJob), next: hasMore && last !== undefined ? String(last[0]) : null };
  }
}
