import { type Store, type StoreTransaction, StoreUnavailable, type Wakeup, type WriteSet } from "../store/store.ts";
import { meets, recordsOf, withoutJobs } from "./write-conflicts.ts";

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
  /**
   * Lets `other` happen between the reads and the commit of this store's next step but `skipped`. When neither writes what the other one writes or guards, the
   * step is committed as it was decided before; else it runs again. That is what a store with snapshot isolation does. Resolves when the step has ended.
   */
  overtake(other: () => Promise<void>, skipped?: number): Promise<void>;
}

/** Lets several engines work on one embedded store, each with a store of its own, as several orchestrators work on one database. */
export interface SharedDatabase {
  open(): SharedStore;
}

interface Overtaking {
  readonly other: () => Promise<void>;
  /** Steps before the one that is overtaken. */
  left: number;
  readonly ended: () => void;
}

/**
 * Sessions are looked after by the store that wrote them last: the others see that one has expired only this much later, so that whoever still hears its runner
 * can renew it.
 */
export const NEGLECT_MS = 500;
const MOST_EXPIRED = 10_000;

/** What one step has written, in order. */
type Writes = readonly WriteSet[];

/**
 * What one of the stores has committed wakes up the others, a moment later. Steps run one after another, unless a test lets one overtake another.
 * Closing is left to whoever opened the embedded store.
 */
export function shareDatabase(inner: Store): SharedDatabase {
  const stores = new Set<{ readonly store: SharedStore; hear(wakeup: Wakeup | null): void }>();
  const keepers = new Map<string, SharedStore>();
  /** All that was committed while somebody was being overtaken. */
  let overtaking: WriteSet[] | null = null;

  async function commit<T>(store: SharedStore, run: () => Promise<{ value: T; writes: Writes }>): Promise<T> {
    const { value, writes } = await run();
    overtaking?.push(...writes);
    for (const { putSessions = [], extendSessions = [] } of writes) {
      for (const { id } of [...putSessions, ...extendSessions]) keepers.set(id, store);
    }
    const wakeup = writes.findLast((changes) => changes.wakeup !== undefined)?.wakeup;
    if (wakeup !== undefined) {
      for (const other of stores) if (other.store !== store) setImmediate(() => other.hear(wakeup));
    }
    return value;
  }

  async function runOvertaken<T>(
    store: SharedStore,
    other: () => Promise<void>,
    body: (tx: StoreTransaction) => Promise<T>,
  ): Promise<T> {
    const step = await decide(inner, body);
    overtaking = [];
    await other();
    const met = overtaking;
    overtaking = null;
    if (meets(step.writes, met)) return commit(store, () => runStep(inner, body));
    const writes = withoutJobs(step.writes, recordsOf(met));
    return commit(store, async () => {
      await inner.transact(async (tx) => {
        for (const changes of writes) await tx.write(changes);
      });
      return { value: step.value, writes };
    });
  }

  function open(): SharedStore {
    const listeners = new Set<(wakeup: Wakeup | null) => void>();
    let planned: Overtaking | null = null;
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
      overtake(other, skipped = 0) {
        const { promise, resolve } = Promise.withResolvers<void>();
        planned = { other, left: skipped, ended: resolve };
        return promise;
      },
      async transact(body) {
        if (store.isDead) throw new StoreUnavailable("the process has ended");
        const own: typeof body = (tx) => body(keeping(tx, (id) => (keepers.get(id) ?? store) === store));
        if (planned === null || planned.left-- > 0) return commit(store, () => runStep(inner, own));
        const { other, ended } = planned;
        planned = null;
        return runOvertaken(store, other, own).finally(ended);
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

/** Runs a body for good, and notes what it writes. */
async function runStep<T>(
  inner: Store,
  body: (tx: StoreTransaction) => Promise<T>,
): Promise<{ value: T; writes: Writes }> {
  let writes: WriteSet[] = [];
  const value = await inner.transact((tx) => {
    writes = [];
    return body(noting(tx, writes));
  });
  return { value, writes };
}

/** Runs a body without keeping anything of it but what it has decided. */
async function decide<T>(
  inner: Store,
  body: (tx: StoreTransaction) => Promise<T>,
): Promise<{ value: T; writes: Writes }> {
  const writes: WriteSet[] = [];
  const decided: { value: T }[] = [];
  const taken = new Error("not now");
  await inner
    .transact(async (tx) => {
      decided.push({ value: await body(noting(tx, writes)) });
      throw taken;
    })
    .catch((error: unknown) => {
      if (error !== taken) throw error;
    });
  const [only] = decided;
  if (only === undefined) throw new Error("a body that was run has decided nothing");
  return { value: only.value, writes };
}

function keeping(tx: StoreTransaction, isKeeper: (sessionId: string) => boolean): StoreTransaction {
  return {
    ...tx,
    async expiredSessions(now, limit) {
      const expired = await tx.expiredSessions(now, MOST_EXPIRED);
      return expired.filter(({ id, expiresAt }) => isKeeper(id) || expiresAt <= now - NEGLECT_MS).slice(0, limit);
    },
  };
}

function noting(tx: StoreTransaction, writes: WriteSet[]): StoreTransaction {
  return {
    ...tx,
    write(changes) {
      writes.push(changes);
      return tx.write(changes);
    },
  };
}
