import type { Document } from "mongodb";
import { type JobState, jobState } from "../../domain/job-state.ts";
import type { JobRecord } from "../../domain/records.ts";
import { foldCase, STATE_CODES, STATUS_CODES } from "../codes.ts";
import type { JobFilter, Page, PageRequest } from "../store.ts";
import type { Connection } from "./database.ts";
import { readJobs } from "./jobs.ts";
import { fillPage, findRows } from "./pages.ts";

/** Jobs that one read looks at, so that a filter which matches little cannot hold up the database for long. */
const MAX_LOOKED = 10_000;
const READ_AT_ONCE = 200;
const NEWEST_FIRST = { _id: -1 } as const;

/** Lists jobs. */
export class JobReader {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The newest job has the highest id. */
  list(filter: JobFilter, page: PageRequest): Promise<Page<JobRecord>> {
    const conditions = conditionsOf(filter);
    return fillPage(page, (rest) => this.#look(filter, conditions, rest));
  }

  /** Looks at the next `MAX_LOOKED` jobs at most: the page may be short and still have a next one. */
  async #look(filter: JobFilter, conditions: readonly Document[], page: PageRequest): Promise<Page<JobRecord>> {
    const behind = rangeBehind(page.after);
    if (behind === null) return { items: [], next: null };
    const { job } = this.#connection.rows;
    const end = conditions.length === 0 ? null : await this.#endOfLook(behind);
    const wanted = { $and: [{ _id: behind }, ...(end === null ? [] : [{ _id: { $gte: end } }]), ...conditions] };
    // What the rows leave open is looked at here: more rows than jobs are needed then.
    const asked = filter.states.length === 0 ? page.limit : Math.max(page.limit, READ_AT_ONCE);
    const found = await findRows(job, wanted, { sort: NEWEST_FIRST, limit: asked + 1 });
    const hasMore = found.length > asked;
    if (hasMore) found.pop();
    const jobs = await readJobs(this.#connection, found);
    const items = filter.states.length === 0 ? jobs : jobs.filter((job) => filter.states.includes(jobState(job)));
    const shown = items.slice(0, page.limit);
    const last = items.length > shown.length ? shown.at(-1)?.id : hasMore ? found.at(-1)?._id : end;
    return { items: shown, next: last === undefined || last === null ? null : encodeCursor(last) };
  }

  /** The id of the last job to look at; null: there are no more than that. */
  async #endOfLook(behind: Document): Promise<string | null> {
    const options = { sort: NEWEST_FIRST, skip: MAX_LOOKED - 1, projection: { _id: 1 } };
    return (await this.#connection.rows.job.findOne({ _id: behind }, options))?._id ?? null;
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

function conditionsOf(filter: JobFilter): Document[] {
  const conditions: Document[] = [];
  if (filter.states.length > 0) conditions.push({ $or: filter.states.map((state) => STATE_CONDITIONS[state]) });
  if (filter.nameContains !== "") {
    const place = { $indexOfBytes: ["$folded", { $literal: foldCase(filter.nameContains) }] };
    conditions.push({ $expr: { $gte: [place, 0] } });
  }
  if (filter.submittedFrom !== null) conditions.push({ submitted: { $gte: filter.submittedFrom } });
  if (filter.submittedUntil !== null) conditions.push({ submitted: { $lt: filter.submittedUntil } });
  if (filter.cluster !== null) conditions.push({ clusters: filter.cluster });
  return conditions;
}

/** Tells our cursors from those of another driver. */
const CURSOR_MARK = "before:";

function encodeCursor(id: string): string {
  return `${CURSOR_MARK}${id}`;
}

/** The ids behind a cursor. null: not a cursor of ours. */
function rangeBehind(cursor: string | null): Document | null {
  if (cursor === null) return { $gt: "" };
  return cursor.startsWith(CURSOR_MARK) ? { $lt: cursor.slice(CURSOR_MARK.length) } : null;
}
