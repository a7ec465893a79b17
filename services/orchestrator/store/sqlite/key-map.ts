import type { DatabaseSync } from "node:sqlite";
import { BoundedMap } from "./bounded-map.ts";
import { type Query, query } from "./query.ts";

const CAPACITY = 10_000;

/** Translates between the ids of jobs or tasks and their keys, remembering the last ones. */
export class KeyMap {
  readonly #table: string;
  readonly #ids = new BoundedMap<number, string>(CAPACITY);
  readonly #keys = new BoundedMap<string, number>(CAPACITY);
  readonly #selectId: Query<[string]>;
  readonly #selectKey: Query<[number]>;
  readonly #selectFloor: Query<[number]>;

  constructor(db: DatabaseSync, table: "job" | "task") {
    this.#table = table;
    this.#selectId = query(db, `SELECT id FROM ${table} WHERE key = ?`);
    this.#selectKey = query(db, `SELECT key FROM ${table} WHERE id = ?`);
    this.#selectFloor = query(db, `SELECT key FROM ${table} WHERE id <= ? ORDER BY id DESC LIMIT 1`);
  }

  /** The key of an id; undefined when there is no such record. */
  find(id: string): number | undefined {
    const known = this.#keys.get(id);
    if (known !== undefined) return known;
    const key = this.#selectKey.get(id)?.[0];
    if (key !== undefined) this.remember(id, key);
    return key;
  }

  /** The key of a record that must exist. */
  keyOf(id: string): number {
    const key = this.find(id);
    if (key === undefined) throw new Error(`there is no ${this.#table} ${id}`);
    return key;
  }

  /** The id of a record that must exist (or have existed: ids of deleted records may still be known). */
  idOf(key: number): string {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#selectId.get(key)?.[0];
    if (id === undefined) throw new Error(`there is no ${this.#table} with key ${key}`);
    this.#ids.set(key, id);
    return id;
  }

  /** The key of the last record whose id is not above this one: where to go on behind an id that may have been deleted. */
  floor(id: string): number {
    return this.#selectFloor.get(id)?.[0] ?? 0;
  }

  remember(id: string, key: number): void {
    this.#keys.set(id, key);
    this.#ids.set(key, id);
  }

  forget(id: string): void {
    this.#keys.delete(id);
  }

  /** After a rollback: keys given in it were never written. They are not given again, so the ids may stay. */
  forgetKeys(): void {
    this.#keys.clear();
  }
}
