import type { FindOptions } from "mongodb";
import type { TaskRecord } from "../../domain/records.ts";
import { STATE_CODES } from "../codes.ts";
import type { Page, PageRequest, TaskFilter, TaskWithInput } from "../store.ts";
import type { Connection } from "./database.ts";
import { fillPage, findRows } from "./pages.ts";
import type { Rows, TaskRow } from "./rows.ts";
import { decodeInput, decodeTask, WITHOUT_INPUT } from "./task-codec.ts";
import { encodeCursor, type FindTasks, placeOf, walk } from "./task-tree.ts";

/** Places that one read looks at when only some states are wanted. */
const LOOKED_AT_ONCE = 2_000;
/** A task's place and state, without the rest of the row. */
const PLACES = { projection: { parent: 1, group: 1, state: 1 } };

/** Tasks by id, and lists of them. */
export class TaskReader {
  readonly #rows: Rows;

  constructor({ rows }: Connection) {
    this.#rows = rows;
  }

  async find(id: string): Promise<TaskRecord | null> {
    const row = await this.#rows.task.findOne({ _id: id }, WITHOUT_INPUT);
    return row === null ? null : decodeTask(row);
  }

  async findAll(ids: readonly string[]): Promise<TaskRecord[]> {
    return (await this.#load(ids, WITHOUT_INPUT)).map(decodeTask);
  }

  list(filter: TaskFilter, page: PageRequest): Promise<Page<TaskWithInput>> {
    if (filter.states.length > 0) return fillPage(page, (rest) => this.#look(filter, rest));
    return this.#walk(filter, page);
  }

  async #walk(filter: TaskFilter, page: PageRequest): Promise<Page<TaskWithInput>> {
    const find = this.#finding(filter.includeInput ? {} : WITHOUT_INPUT);
    const { rows, next } = await walk(find, filter.jobId, filter.parentId, page.after, page.limit);
    return { items: rows.map(withInput), next };
  }

  /** One page's worth of places, and of the tasks there those in the states that are wanted: the page may be short and still have a next one. */
  async #look(filter: TaskFilter, page: PageRequest): Promise<Page<TaskWithInput>> {
    const places = await walk(
      this.#finding(PLACES),
      filter.jobId,
      filter.parentId,
      page.after,
      Math.max(page.limit, LOOKED_AT_ONCE),
    );
    const states = new Set(filter.states.map((state) => STATE_CODES[state]));
    const matching = places.rows.filter(({ state }) => states.has(state));
    const wanted = matching.slice(0, page.limit);
    const last = wanted.at(-1);
    const next = matching.length > wanted.length && last !== undefined ? encodeCursor(placeOf(last)) : places.next;
    return { items: await this.#inOrder(wanted, filter.includeInput), next };
  }

  async #inOrder(places: readonly TaskRow[], includeInput: boolean): Promise<TaskWithInput[]> {
    const ids = places.map((place) => place._id);
    const rows = await this.#load(ids, includeInput ? {} : WITHOUT_INPUT);
    const byId = new Map(rows.map((row) => [row._id, row]));
    return ids.flatMap((id) => {
      const row = byId.get(id);
      return row === undefined ? [] : [withInput(row)];
    });
  }

  async #load(ids: readonly string[], options: FindOptions): Promise<TaskRow[]> {
    if (ids.length === 0) return [];
    return findRows(this.#rows.task, { _id: { $in: [...ids] } }, { ...options, limit: ids.length });
  }

  #finding(columns: FindOptions): FindTasks {
    return (filter, options) => findRows(this.#rows.task, filter, { ...columns, ...options });
  }
}

function withInput(row: TaskRow): TaskWithInput {
  return { task: decodeTask(row), input: decodeInput(row) };
}
