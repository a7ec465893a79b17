import type { DatabaseSync } from "node:sqlite";
import type { ClaimRequest, TaskWithInput } from "../store.ts";
import { type Query, query } from "./query.ts";
import { INPUT_COLUMN, TASK_COLUMNS, type TaskInputRow } from "./task-codec.ts";
import type { TaskTable } from "./tasks.ts";

/** The claim order within one queue is the order of the index `task_ready`, so no row is read that is not returned (but one per queue). */
export const CLAIM_SQL = `
  SELECT ${TASK_COLUMNS}, input FROM task INDEXED BY task_ready
  WHERE ready = ? AND (neg_priority, job) > (?, ?) ORDER BY neg_priority, job, neg_depth, key`;

/** Finds what may be claimed next. */
export class ClaimQuery {
  readonly #db: DatabaseSync;
  readonly #tasks: TaskTable;
  /** One statement per queue that is being read at the same time. */
  readonly #statements: Query<TaskInputRow>[] = [];

  constructor(db: DatabaseSync, tasks: TaskTable) {
    this.#db = db;
    this.#tasks = tasks;
  }

  candidates(request: ClaimRequest): TaskWithInput[] {
    const { after, limit } = request;
    const negPriority = after === null ? Number.MIN_SAFE_INTEGER : 0 - after.priority;
    const job = after === null ? 0 : this.#tasks.keys.jobs.floor(after.jobId);
    const heads: Head[] = [];
    try {
      for (const queueId of new Set(request.queueIds)) {
        const rows = this.#statement(heads.length).iterate(queueId, negPriority, job);
        const first = rows.next();
        if (first.done !== true) heads.push({ rows, row: first.value });
      }
      return this.#merge(heads, limit);
    } finally {
      for (const head of heads) head.rows.return?.();
    }
  }

  #merge(heads: readonly Head[], limit: number): TaskWithInput[] {
    const live = [...heads];
    const found: TaskWithInput[] = [];
    while (found.length < limit && live.length > 0) {
      const best = live.length === 1 ? 0 : indexOfFirst(live);
      const head = live[best] as Head;
      found.push(this.#decode(head.row));
      const next = head.rows.next();
      if (next.done === true) live.splice(best, 1);
      else head.row = next.value;
    }
    return found;
  }

  #decode(row: TaskInputRow): TaskWithInput {
    return { task: this.#tasks.decode(row), input: row[INPUT_COLUMN] ?? this.#tasks.storedInput(row[0]) };
  }

  #statement(index: number): Query<TaskInputRow> {
    let statement = this.#statements[index];
    if (statement === undefined) {
      statement = query(this.#db, CLAIM_SQL);
      this.#statements.push(statement);
    }
    return statement;
  }
}

interface Head {
  readonly rows: IterableIterator<TaskInputRow>;
  row: TaskInputRow;
}

function indexOfFirst(heads: readonly Head[]): number {
  let best = 0;
  for (let index = 1; index < heads.length; index++) {
    if (isBefore((heads[index] as Head).row, (heads[best] as Head).row)) best = index;
  }
  return best;
}

/** Claim order: priority, job, depth (each as its ascending column), key. */
function isBefore(a: TaskInputRow, b: TaskInputRow): boolean {
  if (a[6] !== b[6]) return a[6] < b[6];
  if (a[2] !== b[2]) return a[2] < b[2];
  if (a[7] !== b[7]) return a[7] < b[7];
  return a[0] < b[0];
}
