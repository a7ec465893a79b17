import { type Store, type StoreTransaction, StoreUnavailable, type Wakeup } from "../store/store.ts";

/** One of several stores on a database. */
export interface SharedStore extends Store {
  /** What it was woken up for, in order. */
  readonly heard: (Wakeup | null)[];
  /** False: wake-ups get lost on their way to it. */
  hears: boolean;
  /** True: the process to which it belongs has ended. */
  isDead: boolean;
  /** Anything may have happened. */
  rouse(): void;
}

/** Lets several engines work on one embedded store, each with a store of its own, as several orchestrators work on one database. */
export interface SharedDatabase {
  open(): SharedStore;
}

/**
 * What one of the stores has committed wakes up the others, a moment later. Steps run one after another, so none ever meets another one; closing is
 * left to whoever opened the embedded store.
 */
export function shareDatabase(inner: Store): SharedDatabase {
  const stores = new Set<{ readonly store: SharedStore; hear(wakeup: Wakeup | null): void }>();

  function open(): SharedStore {
    const listeners = new Set<(wakeup: Wakeup | null) => void>();
    const hear = (wakeup: Wakeup | null) => {
      if (!store.hears || store.isDead) return;
      store.heard.push(wakeup);
      for (const listener of listeners) listener(wakeup);
    };
    const store: SharedStore = {
      ...inner,
      sharing: "shared",
      heard: [],
      hears: true,
      isDead: false,
      rouse: () => hear(null),
      async transact(body) {
        if (store.isDead) throw new StoreUnavailable("the process has ended");
        let left: Wakeup | null = null;
        const value = await inner.transact((tx) => {
          left = null;
          return body(noting(tx, (wakeup) => (left = wakeup)));
        });
        const wakeup: Wakeup | null = left;
        if (wakeup !== null) {
          for (const other of stores) if (other.store !== store) setImmediate(() => other.hear(wakeup));
        }
        return value;
      },
      onWakeup(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      close: async () => {},
    };
    stores.add({ store, hear });
    return store;
  }

  return { open };
}

function noting(tx: StoreTransaction, note: (wakeup: Wakeup) => void): StoreTransaction {
  return {
    ...tx,
    write(changes) {
      if (changes.wakeup !== undefined) note(changes.wakeup);
      return tx.write(changes);
    },
  };
}
