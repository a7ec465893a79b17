import { StoreUnavailable } from "../store.ts";

/** SQLite's primary result codes that say that the database is away or broken, and not that a statement is wrong. */
const UNAVAILABLE: ReadonlyMap<number, string> = new Map([
  [5, "the database is locked"],
  [6, "the database is locked"],
  [7, "out of memory"],
  [8, "the database cannot be written"],
  [10, "the disk does not answer"],
  [11, "the database file is damaged"],
  [13, "the disk is full"],
  [14, "the database file cannot be opened"],
  [26, "the file is not a SQLite database"],
]);

/** A broken database as `StoreUnavailable`; anything else (a bug, or what a transaction's body threw) as it is. */
export function translateError(error: unknown): unknown {
  const reason = UNAVAILABLE.get(primaryCode(error));
  return reason === undefined ? error : new StoreUnavailable(reason, { cause: error });
}

/** Whether another process holds the lock that was asked for. */
export function isBusy(error: unknown): boolean {
  return primaryCode(error) === 5;
}

function primaryCode(error: unknown): number {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return 0;
  return error.errcode & 0xff;
}
