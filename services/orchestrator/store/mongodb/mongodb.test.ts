import { MongoClient } from "mongodb";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import { freshDatabaseName } from "../../../../scripts/mongodb/fresh-database-name.ts";
import { runStoreContract, type StoreUnderTest } from "../contract/index.ts";
import type { Store } from "../store.ts";
import { type MongoOptions, openMongoStore } from "./index.ts";

/** A store on a database of its own; what is opened on it is closed at the end. */
async function createStore(uri: string, options: Partial<MongoOptions>): Promise<StoreUnderTest> {
  const database = freshDatabaseName();
  const opened: Store[] = [];
  const open = async () => {
    const store = await openMongoStore({ uri, database, ...options });
    opened.push(store);
    return store;
  };
  return {
    store: await open(),
    open,
    async destroy() {
      await Promise.all(opened.map((store) => store.close()));
      await using client = await MongoClient.connect(uri);
      await client.db(database).dropDatabase();
    },
  };
}

describeWithMongo("MongoDB", (uri) => {
  runStoreContract({ name: "MongoDB", sharing: "shared", createStore: () => createStore(uri, {}) });
  runStoreContract({
    name: "MongoDB with divided counters and one collection per bulk write",
    sharing: "shared",
    createStore: () => createStore(uri, { divideFrom: 1, bulkByCollection: true }),
  });
});
