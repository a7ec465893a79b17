import type { DatabaseSync } from "node:sqlite";
import { KeyMap } from "./key-map.ts";
import { query } from "./query.ts";

/** Keys of jobs on the writing connection, which also gives them out. A transaction may write a job's tasks before the job itself. */
export class JobKeys extends KeyMap {
  /** Jobs that have a key and are not written yet. */
  readonly #reserved = new Map<string, number>();
  #nextKey: number;

  constructor(db: DatabaseSync) {
    super(db, "job");
    this.#nextKey = (query<[number]>(db, "SELECT coalesce(max(key), 0) FROM job").get()?.[0] ?? 0) + 1;
  }

  /** The key of a job, new if the job is not written yet. */
  reserve(id: string): number {
    const known = this.find(id);
    if (known !== undefined) return known;
    const key = this.#nextKey++;
    this.#reserved.set(id, key);
    this.remember(id, key);
    return key;
  }

  /** The key for a job that is being written now. */
  take(id: string): number {
    const reserved = this.#reserved.get(id);
    if (reserved !== undefined) {
      this.#reserved.delete(id);
      return reserved;
    }
    const key = this.#nextKey++;
    this.remember(id, key);
    return key;
  }

  /** Throws when something was written that belongs to a job which was not. To be called before a commit. */
  checkReserved(): void {
    for (const id of this.#reserved.keys())
      throw new Error(`something was written for job ${id}, which does not exist`);
  }

  override forgetKeys(): void {
    super.forgetKeys();
    this.#reserved.clear();
  }
}
