import { MongoClient } from "mongodb";
import { freshDatabaseName } from "../../../../scripts/mongodb/fresh-database-name.ts";
import { type MongoOptions, openMongoStore } from "../../store/mongodb/index.ts";
import { type Rows, rowsOf } from "../../store/mongodb/rows.ts";
import type { Store } from "../../store/store.ts";

export type StoreOptions = Omit<MongoOptions, "uri" | "database">;

/** Several stores on one database of their own, as several orchestrators have them. At the end all are closed and the database is dropped. */
export interface SeveralStores extends AsyncDisposable {
  readonly uri: string;
  readonly database: string;
  readonly stores: readonly Store[];
  /** What is stored, past all stores. */
  readonly rows: Rows;
  /** The first of them, for what does not depend on which. */
  readonly any: Store;
  /** One more. `uri`: another way to the same server. */
  open(options?: StoreOptions & { readonly uri?: string }): Promise<Store>;
}

export async function openSeveralStores(
  uri: string,
  count: number,
  options: StoreOptions = {},
): Promise<SeveralStores> {
  const database = freshDatabaseName();
  const client = await MongoClient.connect(uri);
  const stores: Store[] = [];
  const open = async (own: StoreOptions & { readonly uri?: string } = {}) => {
    const store = await openMongoStore({ uri, database, ...options, ...own });
    stores.push(store);
    return store;
  };
  for (let opened = 0; opened < count; opened++) await open();
  return {
    uri,
    database,
    stores,
    rows: rowsOf(client.db(database)),
    get any() {
      const [first] = stores;
      if (first === undefined) throw new Error("no store has been opened");
      return first;
    },
    open,
    async [Symbol.asyncDispose]() {
      await Promise.all(stores.map((store) => store.close()));
      await client.db(database).dropDatabase();
      await client.close();
    },
  };
}
