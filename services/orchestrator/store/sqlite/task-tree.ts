import type { DatabaseSync } from "node:sqlite";
import { type Query, query } from "./query.ts";
import { TASK_COLUMNS, type TaskRow } from "./task-codec.ts";

/**
 * The order of `listTasks` and of scans: by the parent's key, group, own key. A parent's key is below its children's, so parents come before
 * children; and no part of it ever changes, so a cursor stays valid whatever happens to the tasks.
 */
export interface TreePosition {
  /** 0: a root task. */
  readonly owner: number;
  readonly group: number;
  readonly key: number;
}

export const TREE_START: TreePosition = { owner: -1, group: -1, key: 0 };

const CURSOR = /^(\d{1,15})\.(\d{1,15})\.(\d{1,15})$/;

export function encodeCursor(position: TreePosition): string {
  return `${position.owner}.${position.group}.${position.key}`;
}

/** null: not a cursor of ours. */
export function decodeCursor(cursor: string | null): TreePosition | null {
  if (cursor === null) return TREE_START;
  const match = CURSOR.exec(cursor);
  return match === null ? null : { owner: Number(match[1]), group: Number(match[2]), key: Number(match[3]) };
}

/** A task's place and state, without the rest of the row. */
export type TreeStep = readonly [key: number, owner: number, grp: number, state: number];

/** Walks a job's tree, or the children of one task, by the index `task_tree`. */
export class TaskTree {
  readonly #rows: Walk<TaskRow>;
  readonly #steps: Walk<TreeStep>;

  constructor(db: DatabaseSync) {
    this.#rows = new Walk(db, TASK_COLUMNS);
    this.#steps = new Walk(db, "key, owner, grp, state");
  }

  /** Up to `limit` rows behind the cursor, of the whole job or of the children of `owner` (0: root tasks), and where to go on. */
  page(
    job: number,
    owner: number | null,
    cursor: string | null,
    limit: number,
  ): { rows: TaskRow[]; next: string | null } {
    const after = decodeCursor(cursor);
    if (after === null) return { rows: [], next: null };
    const rows = this.#rows.behind(job, owner, after, limit + 1);
    if (rows.length <= limit) return { rows, next: null };
    rows.pop();
    const last = rows.at(-1);
    return { rows, next: last === undefined ? null : encodeCursor({ owner: last[3], group: last[4], key: last[0] }) };
  }

  /** The next `limit` places behind `after`. */
  steps(job: number, owner: number | null, after: TreePosition, limit: number): TreeStep[] {
    return this.#steps.behind(job, owner, after, limit);
  }
}

/**
 * SQLite takes no row key into a comparison of row values, so one range behind a position would read a group of a hundred thousand tasks
 * from its start for each page. Three ranges, one after the other, read only what they return.
 */
class Walk<Row extends readonly unknown[]> {
  readonly #sameGroup: Query<Row>;
  readonly #laterGroups: Query<Row>;
  readonly #laterOwners: Query<Row>;

  constructor(db: DatabaseSync, columns: string) {
    const from = `SELECT ${columns} FROM task INDEXED BY task_tree WHERE job = ?`;
    this.#sameGroup = query(db, `${from} AND owner = ? AND grp = ? AND key > ? ORDER BY key LIMIT ?`);
    this.#laterGroups = query(db, `${from} AND owner = ? AND grp > ? ORDER BY grp, key LIMIT ?`);
    this.#laterOwners = query(db, `${from} AND owner > ? ORDER BY owner, grp, key LIMIT ?`);
  }

  behind(job: number, owner: number | null, after: TreePosition, limit: number): Row[] {
    if (owner !== null && after.owner !== owner) {
      // The start, or a cursor from another listing: everything or nothing is behind it.
      return after.owner < owner ? this.#laterGroups.all(job, owner, -1, limit) : [];
    }
    const rows = this.#sameGroup.all(job, after.owner, after.group, after.key, limit);
    if (rows.length < limit) rows.push(...this.#laterGroups.all(job, after.owner, after.group, limit - rows.length));
    if (rows.length < limit && owner === null) {
      rows.push(...this.#laterOwners.all(job, after.owner, limit - rows.length));
    }
    return rows;
  }
}
