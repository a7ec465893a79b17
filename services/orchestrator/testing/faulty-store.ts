import { type Store, type StoreTransaction, StoreUnavailable, type WriteSet } from "../store/store.ts";

/** A store that goes away when the test says so, and tells what was written to it. */
export interface FaultyStore {
  /** Transactions that are asked for while this is true fail before anything is done. */
  isAway: boolean;
  /** The next transaction fails when all is done but the commit. */
  failNextCommit: boolean;
  /** Records inserted and updated by each transaction that was committed. */
  readonly tasksWritten: number[];
  wrap(store: Store): Store;
}

export function createFaultyStore(): FaultyStore {
  const faulty: FaultyStore = {
    isAway: false,
    failNextCommit: false,
    tasksWritten: [],
    wrap: (store) => ({
      ...store,
      async transact(body) {
        if (faulty.isAway) throw new StoreUnavailable("away");
        let tasks = 0;
        const value = await store.transact(async (tx) => {
          tasks = 0;
          const counting: StoreTransaction = {
            ...tx,
            write(changes) {
              tasks += sizeOf(changes);
              return tx.write(changes);
            },
          };
          const done = await body(counting);
          if (!faulty.failNextCommit) return done;
          faulty.failNextCommit = false;
          throw new StoreUnavailable("lost the connection before the commit");
        });
        faulty.tasksWritten.push(tasks);
        return value;
      },
    }),
  };
  return faulty;
}

function sizeOf({ insertTasks = [], updateTasks = [] }: WriteSet): number {
  return insertTasks.length + updateTasks.length;
}
