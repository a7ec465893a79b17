import type { DatabaseSync } from "node:sqlite";
import type { TaskRecord } from "../../domain/records.ts";
import { STATE_CODES } from "../codes.ts";
import type { Page, PageRequest, TaskFilter, TaskWithInput } from "../store.ts";
import { KeyMap } from "./key-map.ts";
import { type Query, query } from "./query.ts";
import { decodeTask, INPUT_COLUMN, TASK_COLUMNS, type TaskInputRow, type TaskKeys } from "./task-codec.ts";
import { decodeCursor, encodeCursor, TaskTree } from "./task-tree.ts";

/** Places looked at for one page when only some states are wanted; a page may then be short and still have a next one. */
const MAX_STEPS = 20_000;
const NO_INPUT = new Uint8Array();

/** Tasks by id, and lists of them. */
export class TaskReader {
  readonly keys: TaskKeys;
  readonly #tree: TaskTree;
  readonly #byId: Query<TaskInputRow>;
  readonly #byKey: Query<TaskInputRow>;
  readonly #input: Query<[Uint8Array]>;

  constructor(db: DatabaseSync) {
    this.keys = { jobs: new KeyMap(db, "job"), tasks: new KeyMap(db, "task") };
    this.#tree = new TaskTree(db);
    this.#byId = query(db, `SELECT ${TASK_COLUMNS}, input FROM task WHERE id = ?`);
    this.#byKey = query(db, `SELECT ${TASK_COLUMNS}, input FROM task WHERE key = ?`);
    this.#input = query(db, "SELECT data FROM task_input WHERE task = ?");
  }

  find(id: string): TaskRecord | null {
    const row = this.#byId.get(id);
    return row === undefined ? null : decodeTask(row, this.keys);
  }

  findAll(ids: readonly string[]): TaskRecord[] {
    return ids.flatMap((id) => this.find(id) ?? []);
  }

  list(filter: TaskFilter, page: PageRequest): Page<TaskWithInput> {
    const job = this.keys.jobs.find(filter.jobId);
    const owner = this.#owner(filter.parentId);
    const after = decodeCursor(page.after);
    if (job === undefined || owner === undefined || after === null) return { items: [], next: null };
    const wanted = new Set(filter.states.map((state) => STATE_CODES[state]));
    const items: TaskWithInput[] = [];
    let position = after;
    let looked = 0;
    while (items.length < page.limit && looked < MAX_STEPS) {
      const asked = page.limit - items.length;
      const steps = this.#tree.steps(job, owner, position, wanted.size === 0 ? asked : Math.max(asked, 500));
      if (steps.length === 0) return { items, next: null };
      for (const [key, parent, group, state] of steps) {
        if (items.length === page.limit) break;
        position = { owner: parent, group, key };
        looked++;
        if (wanted.size === 0 || wanted.has(state)) items.push(this.#load(key, filter.includeInput));
      }
    }
    const more = this.#tree.steps(job, owner, position, 1).length > 0;
    return { items, next: more ? encodeCursor(position) : null };
  }

  /** undefined: there is no such task; null: the whole job. */
  #owner(parentId: string | null | undefined): number | null | undefined {
    if (parentId === undefined) return null;
    return parentId === null ? 0 : this.keys.tasks.find(parentId);
  }

  #load(key: number, withInput: boolean): TaskWithInput {
    const row = this.#byKey.get(key);
    if (row === undefined) throw new Error(`there is no task with key ${key}`);
    const input = withInput ? (row[INPUT_COLUMN] ?? this.#input.get(key)?.[0] ?? NO_INPUT) : NO_INPUT;
    return { task: decodeTask(row, this.keys), input };
  }
}
