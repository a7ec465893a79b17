import type { DatabaseSync } from "node:sqlite";

/** What a statement takes. */
export type Value = null | number | string | Uint8Array;

/** A prepared statement that answers with rows as tuples: half the cost of rows as objects. */
export interface Query<Row extends readonly unknown[]> {
  get(...values: readonly Value[]): Row | undefined;
  all(...values: readonly Value[]): Row[];
  iterate(...values: readonly Value[]): IterableIterator<Row>;
}

/** A prepared statement that writes. */
export interface Command {
  run(...values: readonly Value[]): { readonly changes: number | bigint };
}

/** Prepares a query. `Row` is what its columns are: the schema is STRICT, so the driver can take SQLite at its word. */
export function query<Row extends readonly unknown[]>(db: DatabaseSync, sql: string): Query<Row> {
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  return statement as unknown as Query<Row>;
}

export function command(db: DatabaseSync, sql: string): Command {
  return db.prepare(sql);
}
