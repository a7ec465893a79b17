import { BoundedMap } from "./bounded-map.ts";

/** A record as the database has it, with the key of its row. */
export interface Cached<R> {
  readonly key: number;
  readonly record: R;
}

/**
 * Records as the running transaction sees them. This process is the only one that writes, so what was written or loaded last is what the
 * database holds: a task that was claimed is settled without being read again. After a rollback all of it goes.
 */
export type RecordCache<R> = BoundedMap<string, Cached<R>>;

export function createRecordCache<R>(capacity: number): RecordCache<R> {
  return new BoundedMap(capacity);
}
