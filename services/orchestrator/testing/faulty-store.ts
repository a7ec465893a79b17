import { type Store, type StoreTransaction, StoreUnavailable, type WriteSet } from "../store/store.ts";

/** How a step ends that hung. */
export type HangEnd = "commit" | "run again" | "away";

/** A store that goes away when the test says so, and tells what was written to it. */
export interface FaultyStore {
  /** Transactions that are asked for while this is true fail before anything is done. */
  isAway: boolean;
  /** The next transaction fails when all is done but the commit. */
  failNextCommit: boolean;
  /** The next transaction meets others so often: its body is run once more each time. */
  conflicts: number;
  /** Records inserted and updated by each transaction that was committed. */
  readonly tasksWritten: number[];
  /** The next transaction hangs when all is done but the commit, until the returned function is called. */
  hangNextCommit(): (end: HangEnd) => void;
  wrap(store: Store): Store;
}

const AGAIN = new Error("run it again");

export function createFaultyStore(): FaultyStore {
  let hanging: Promise<HangEnd> | null = null;

  /** What becomes of a step when all is done but the commit. */
  async function beforeCommit(): Promise<void> {
    if (hanging !== null) {
      const waiting = hanging;
      hanging = null;
      const end = await waiting;
      if (end === "run again") throw AGAIN;
      if (end === "away") throw new StoreUnavailable("lost the connection before the commit");
    }
    if (faulty.conflicts > 0) {
      faulty.conflicts--;
      throw AGAIN;
    }
    if (!faulty.failNextCommit) return;
    faulty.failNextCommit = false;
    throw new StoreUnavailable("lost the connection before the commit");
  }

  async function transact<T>(store: Store, body: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    if (faulty.isAway) throw new StoreUnavailable("away");
    let tasks = 0;
    try {
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
        await beforeCommit();
        return done;
      });
      faulty.tasksWritten.push(tasks);
      return value;
    } catch (error) {
      if (error !== AGAIN) throw error;
      return transact(store, body);
    }
  }

  const faulty: FaultyStore = {
    isAway: false,
    failNextCommit: false,
    conflicts: 0,
    tasksWritten: [],
    hangNextCommit() {
      const { promise, resolve } = Promise.withResolvers<HangEnd>();
      hanging = promise;
      return resolve;
    },
    wrap: (store) => ({ ...store, transact: (body) => transact(store, body) }),
  };
  return faulty;
}

function sizeOf({ insertTasks = [], updateTasks = [] }: WriteSet): number {
  return insertTasks.length + updateTasks.length;
}
