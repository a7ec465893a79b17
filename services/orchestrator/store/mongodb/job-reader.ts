import type { ClientSession, Document } from "mongodb";
import { type JobState, jobState } from "../../domain/job-state.ts";
import type { JobRecord } from "../../domain/records.ts";
import { foldCase, STATE_CODES, STATUS_CODES } from "../codes.ts";
import type { JobFilter, Page, PageRequest } from "../store.ts";
import type { Connection } from "./database.ts";
import { inSnapshot, readJobs } from "./jobs.ts";
import { fillPage } from "./pages.ts";
import type { JobRow } from "./rows.ts";

/** Jobs that one read looks at, so that a filter which matches little cannot hold up the database for long. */
const MAX_LOOKED = 10_000;
const NEWEST_FIRST = { _id: -1 } as const;

/** Lists jobs. */
export class JobReader {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The newest job has the highest id. */
  list(filter: JobFilter, page: PageRequest): Promise<Page<JobRecord>> {
    const condition = conditionOf(filter);
    return fillPage(page, (rest) => this.#look(filter, condition, rest));
  }

  /** Looks at the next `MAX_LOOKED` jobs at most: the page may be short and still have a next one. */
  async #look(filter: JobFilter, condition: Document, page: PageRequest): Promise<Page<JobRecord>> {
    const range = rangeBehind(page.after);
    if (range === null) return { items: [], next: null };
    const { found, last } = await inSnapshot(this.#connection, (session) =>
      this.#find(range, condition, page.limit, session),
    );
    const jobs = await readJobs(this.#connection, found);
    const items = filter.states.length === 0 ? jobs : jobs.filter((job) => filter.states.includes(jobState(job)));
    return { items, next: last === null ? null : encodeCursor(last) };
  }

  /** Rows that meet the condition, and the id of the last row that was looked at; null: there are no more. */
  async #find(
    range: Document,
    condition: Document,
    limit: number,
    session: ClientSession,
  ): Promise<{ readonly found: JobRow[]; readonly last: string | null }> {
    const { job } = this.#connection.rows;
    const pipeline = [
      { $match: range },
      { $sort: NEWEST_FIRST },
      { $limit: MAX_LOOKED },
      { $match: condition },
      { $limit: limit + 1 },
    ];
    const found = await job.aggregate<JobRow>(pipeline, { session, batchSize: limit + 2 }).toArray();
    if (found.length > limit) {
      found.pop();
      return { found, last: found.at(-1)?._id ?? null };
    }
    const behind = { session, sort: NEWEST_FIRST, skip: MAX_LOOKED - 1, projection: { _id: 1 } };
    return { found, last: (await job.findOne(range, behind))?._id ?? null };
  }
}

/**
 * What users see as a job's state (`domain/job-state.ts`) in terms of the job's row, as far as it says so: how many tasks run may be in other rows as
 * well.
 */
const STATE_CONDITIONS: Readonly<Record<JobState, Document>> = {
  SUBMITTED: { status: STATUS_CODES.OPEN, started: { $exists: false } },
  RUNNING: {
    status: STATUS_CODES.OPEN,
    $or: [{ [`counts.${STATE_CODES.RUNNING}`]: { $gt: 0 } }, { "shards.0": { $exists: true } }],
  },
  STARTED: { status: STATUS_CODES.OPEN, started: { $exists: true } },
  COMPLETED: { status: STATUS_CODES.COMPLETED },
  FAILED: { status: STATUS_CODES.FAILED },
  CANCELED: { status: STATUS_CODES.CANCELED },
};

function conditionOf(filter: JobFilter): Document {
  const conditions: Document[] = [];
  if (filter.states.length > 0) conditions.push({ $or: filter.states.map((state) => STATE_CONDITIONS[state]) });
  if (filter.nameContains !== "") {
    const place = { $indexOfBytes: ["$folded", { $literal: foldCase(filter.nameContains) }] };
    conditions.push({ $expr: { $gte: [place, 0] } });
  }
  if (filter.submittedFrom !== null) conditions.push({ submitted: { $gte: filter.submittedFrom } });
  if (filter.submittedUntil !== null) conditions.push({ submitted: { $lt: filter.submittedUntil } });
  if (filter.cluster !== null) conditions.push({ clusters: filter.cluster });
  return conditions.length === 0 ? {} : { $and: conditions };
}

/** Tells our cursors from those of another driver. */
const CURSOR_MARK = "before:";

function encodeCursor(id: string): string {
  return `${CURSOR_MARK}${id}`;
}

/** The ids behind a cursor. null: not a cursor of ours. */
function rangeBehind(cursor: string | null): Document | null {
  if (cursor === null) return { _id: { $gt: "" } };
  return cursor.startsWith(CURSOR_MARK) ? { _id: { $lt: cursor.slice(CURSOR_MARK.length) } } : null;
}
