import type { DatabaseSync } from "node:sqlite";
import { type GroupRecord, groupIndex } from "../../domain/records.ts";
import { BoundedMap } from "./bounded-map.ts";
import type { JobKeys } from "./job-keys.ts";
import type { KeyMap } from "./key-map.ts";
import { type Command, command, type Query, query } from "./query.ts";

const CACHE_CAPACITY = 8_192;
const COLUMNS = "id, job, root, dependents, waiting, open, size";

type GroupRow = readonly [
  id: string,
  job: number,
  root: number,
  dependents: string | null,
  waiting: number,
  open: number,
  size: number,
];

/** Groups by id, read only. */
export class GroupReader {
  readonly #jobs: KeyMap;
  readonly #byId: Query<GroupRow>;

  constructor(db: DatabaseSync, jobs: KeyMap) {
    this.#jobs = jobs;
    this.#byId = query(db, `SELECT ${COLUMNS} FROM task_group WHERE id = ?`);
  }

  find(id: string): GroupRecord | undefined {
    const row = this.#byId.get(id);
    return row === undefined ? undefined : decodeGroup(row, this.#jobs);
  }
}

/** Groups as the writing connection sees them. */
export class GroupTable {
  readonly #jobs: JobKeys;
  readonly #reader: GroupReader;
  readonly #cache = new BoundedMap<string, GroupRecord>(CACHE_CAPACITY);
  readonly #insert: Command;
  readonly #update: Command;
  readonly #deleteOf: Command;

  constructor(db: DatabaseSync, jobs: JobKeys) {
    this.#jobs = jobs;
    this.#reader = new GroupReader(db, jobs);
    this.#insert = command(db, `INSERT INTO task_group (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`);
    this.#update = command(db, "UPDATE task_group SET waiting = ?, open = ?, size = ? WHERE id = ?");
    this.#deleteOf = command(
      db,
      "DELETE FROM task_group WHERE id IN (SELECT id FROM task_group WHERE id > ? AND id < ? LIMIT ?)",
    );
  }

  load(ids: readonly string[]): GroupRecord[] {
    const groups: GroupRecord[] = [];
    for (const id of ids) {
      const group = this.#find(id);
      if (group !== undefined) groups.push(group);
    }
    return groups;
  }

  insert(groups: readonly GroupRecord[]): void {
    for (const group of groups) {
      const dependents = group.dependents.length === 0 ? null : JSON.stringify(group.dependents);
      const isRoot = group.parentId === null ? 1 : 0;
      const job = this.#jobs.reserve(group.jobId);
      this.#insert.run(group.id, job, isRoot, dependents, group.waiting, group.open, group.size);
      this.#cache.set(group.id, group);
    }
  }

  update(groups: readonly GroupRecord[]): void {
    for (const group of groups) {
      this.#update.run(group.waiting, group.open, group.size, group.id);
      if (group.open > 0) this.#cache.set(group.id, group);
      else this.#cache.delete(group.id);
    }
  }

  /** Deletes up to `limit` groups of one owner (a task, or a job for its root groups) and returns how many it found. */
  deleteOf(ownerId: string, limit: number): number {
    // "/" comes after ".", so this is the range of all ids that begin with the owner and a dot.
    const { changes } = this.#deleteOf.run(`${ownerId}.`, `${ownerId}/`, limit);
    if (Number(changes) > 0) this.#cache.clear();
    return Number(changes);
  }

  /** After a rollback. */
  forgetAll(): void {
    this.#cache.clear();
  }

  #find(id: string): GroupRecord | undefined {
    const cached = this.#cache.get(id);
    if (cached !== undefined) return cached;
    const group = this.#reader.find(id);
    if (group !== undefined) this.#cache.set(id, group);
    return group;
  }
}

function decodeGroup(row: GroupRow, jobs: KeyMap): GroupRecord {
  const [id, job, root, dependents, waiting, open, size] = row;
  return {
    id,
    jobId: jobs.idOf(job),
    parentId: root === 1 ? null : id.slice(0, id.lastIndexOf(".")),
    index: groupIndex(id),
    dependents: dependents === null ? [] : (JSON.parse(dependents) as number[]),
    waiting,
    open,
    size,
  };
}
