import type { DatabaseSync } from "node:sqlite";
import { type Store, type StoreTransaction, StoreUnavailable } from "../store.ts";
import { type Database, openDatabase, type SqliteOptions } from "./database.ts";
import { translateError } from "./errors.ts";
import { type Command, command } from "./query.ts";
import { createReads } from "./reads.ts";
import { createTransaction, Tables } from "./transaction.ts";

export type { SqliteOptions } from "./database.ts";

/**
 * Opens the embedded store. One orchestrator per file: a second one is refused. Throws `StoreUnavailable` when the file is in use, broken,
 * another program's, or written by a later version.
 */
export function openSqliteStore(options: SqliteOptions): Store {
  const database = openDatabase(options);
  const writer = new Writer(database);
  return {
    sharing: "exclusive",
    ...createReads(database.reader),
    transact: (body) => writer.transact(body),
    // Nobody else can write to the file.
    onWakeup: () => () => {},
    close: () => writer.close(),
  };
}

/** Runs transactions on the writing connection, strictly one after another. */
class Writer {
  readonly #database: Database;
  readonly #db: DatabaseSync;
  readonly #tables: Tables;
  readonly #tx: StoreTransaction;
  readonly #begin: Command;
  readonly #commit: Command;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(database: Database) {
    this.#database = database;
    this.#db = database.writer;
    this.#tables = new Tables(this.#db);
    this.#tx = createTransaction(this.#tables);
    this.#begin = command(this.#db, "BEGIN IMMEDIATE");
    this.#commit = command(this.#db, "COMMIT");
  }

  transact<T>(body: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#run(body));
    this.#last = result.catch(() => {});
    return result;
  }

  async close(): Promise<void> {
    await this.#last;
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
  }

  async #run<T>(body: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    if (this.#closed) throw new StoreUnavailable("the store is closed");
    try {
      this.#begin.run();
      const value = await body(this.#tx);
      this.#tables.keys.checkReserved();
      this.#commit.run();
      return value;
    } catch (error) {
      this.#rollBack();
      throw translateError(error);
    }
  }

  #rollBack(): void {
    this.#tables.forgetAll();
    if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
  }
}
