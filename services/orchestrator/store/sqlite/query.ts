import type { DatabaseSync, StatementSync } from "node:sqlite";

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
  const statement = prepare(db, sql);
  statement.setReturnArrays(true);
  return statement as unknown as Query<Row>;
}

export function command(db: DatabaseSync, sql: string): Command {
  return prepare(db, sql);
}

/**
 * With a bare parameter as its LIMIT, SQLite looks at the value while it plans, and so compiles the statement anew whenever it is given other
 * values: 18 µs in place of 2 for one task. An expression is left alone.
 */
function prepare(db: DatabaseSync, sql: string): StatementSync {
  return db.prepare(sql.replace(/\bLIMIT (\?\d*)/g, "LIMIT $1 + 0"));
}
