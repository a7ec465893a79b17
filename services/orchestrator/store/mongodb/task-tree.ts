import type { Filter, FindOptions } from "mongodb";
import type { TaskRow } from "./rows.ts";

/**
 * The order of `listTasks` and of scans: by the parent's id, group, own id, as in the index `task_tree`. A parent's id is below its children's, so
 * parents come before children; and no part of it ever changes, so a cursor stays valid whatever happens to the tasks.
 */
export interface TreePosition {
  /** Empty: a root task. */
  readonly parent: string;
  readonly group: number;
  readonly id: string;
}

/** A read of tasks, inside of a step or outside. */
export type FindTasks = (
  filter: Filter<TaskRow>,
  options: FindOptions & { readonly limit: number },
) => Promise<TaskRow[]>;

export interface TreePage {
  readonly rows: TaskRow[];
  /** Where to go on; null: this was the end. */
  readonly next: string | null;
}

const TREE_ORDER = { parent: 1, group: 1, _id: 1 } as const;

/** Up to `limit` rows behind the cursor, of the whole job (`parentId` undefined), or of the children of one task (null: root tasks). */
export async function walk(
  find: FindTasks,
  jobId: string,
  parentId: string | null | undefined,
  cursor: string | null,
  limit: number,
): Promise<TreePage> {
  const after = cursor === null ? null : decodeCursor(cursor);
  if (after === undefined) return { rows: [], next: null };
  const rows = await behind(find, jobId, parentId, after, limit + 1);
  if (rows.length <= limit) return { rows, next: null };
  rows.pop();
  const last = rows.at(-1);
  return { rows, next: last === undefined ? null : encodeCursor(placeOf(last)) };
}

/** The next `limit` rows behind a position (null: from the start). */
async function behind(
  find: FindTasks,
  jobId: string,
  parentId: string | null | undefined,
  after: TreePosition | null,
  limit: number,
): Promise<TaskRow[]> {
  const rows: TaskRow[] = [];
  for (const range of rangesBehind(parentId === null ? "" : parentId, after)) {
    const options = { sort: TREE_ORDER, limit: limit - rows.length };
    rows.push(...(await find({ job: jobId, ...range }, options)));
    if (rows.length >= limit) break;
  }
  return rows;
}

/** Ranges of the index, one behind the other: one condition for all of them would be read from the start of the group. */
function rangesBehind(parent: string | undefined, after: TreePosition | null): Filter<TaskRow>[] {
  if (after === null) return [parent === undefined ? {} : { parent }];
  // A cursor from the list of another task's children.
  if (parent !== undefined && parent !== after.parent) return [];
  const ranges: Filter<TaskRow>[] = [
    { parent: after.parent, group: after.group, _id: { $gt: after.id } },
    { parent: after.parent, group: { $gt: after.group } },
  ];
  if (parent === undefined) ranges.push({ parent: { $gt: after.parent } });
  return ranges;
}

export function placeOf(row: Pick<TaskRow, "_id" | "parent" | "group">): TreePosition {
  return { parent: row.parent, group: row.group, id: row._id };
}

export function encodeCursor({ parent, group, id }: TreePosition): string {
  return `${parent}/${group}/${id}`;
}

/** undefined: not a cursor of ours. */
function decodeCursor(cursor: string): TreePosition | undefined {
  const [, parent, group, id] = /^([^/]*)\/(\d{1,15})\/([^/]+)$/.exec(cursor) ?? [];
  if (parent === undefined || group === undefined || id === undefined) return undefined;
  return { parent, group: Number(group), id };
}
