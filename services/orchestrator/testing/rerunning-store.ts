import type { Store } from "../store/store.ts";

/** Runs each body twice and keeps only the second run, as a database does that asks for a retry. */
export function rerunningStore(store: Store): Store {
  return {
    ...store,
    async transact(body) {
      const retry = new Error("run it again");
      await store
        .transact(async (tx) => {
          await body(tx);
          throw retry;
        })
        .catch((error) => {
          if (error !== retry) throw error;
        });
      return store.transact(body);
    },
  };
}
