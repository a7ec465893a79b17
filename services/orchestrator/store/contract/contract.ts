import { afterEach, beforeEach, describe } from "vitest";
import type { Store, StoreTransaction, WriteSet } from "../store.ts";

/** A driver as the contract suite sees it. */
export interface StoreContract {
  /** For the names of the tests. */
  readonly name: string;
  /** Makes a store on a database of its own, empty and durable. */
  createStore(): Promise<StoreUnderTest>;
  /**
   * `exclusive`: a database serves one store at a time, and a second one is refused with `StoreUnavailable`. `shared`: any number of stores, which
   * wake each other up.
   */
  readonly sharing: "exclusive" | "shared";
}

export interface StoreUnderTest {
  readonly store: Store;
  /** Another store on the same database. What a shared database opens, the driver's `destroy` closes. */
  open(): Promise<Store>;
  /** Closes what is still open and removes the database. */
  destroy(): Promise<void>;
}

/** What a test works with. A new database for each test. */
export interface ContractContext {
  readonly contract: StoreContract;
  /** The store of the running test. */
  store(): Store;
  /** Closes the store and opens its database again; `store()` is the new one from then on. */
  reopen(): Promise<Store>;
  /** Opens the same database a second time. */
  openSecond(): Promise<Store>;
  write(changes: WriteSet): Promise<void>;
  /** Runs a body of one transaction and returns what it returns. */
  inside<T>(body: (tx: StoreTransaction) => Promise<T>): Promise<T>;
}

/** Declares one group of the suite's tests. */
export function describeContract(
  contract: StoreContract,
  subject: string,
  declare: (context: ContractContext) => void,
): void {
  describe(`${contract.name} store: ${subject}`, () => {
    let current: StoreUnderTest | null = null;
    let store: Store | null = null;

    beforeEach(async () => {
      current = await contract.createStore();
      store = current.store;
    });

    afterEach(async () => {
      await store?.close();
      await current?.destroy();
      store = null;
      current = null;
    });

    const context: ContractContext = {
      contract,
      store: () => present(store),
      async reopen() {
        await present(store).close();
        store = await present(current).open();
        return store;
      },
      openSecond: () => present(current).open(),
      write: (changes) => present(store).transact((tx) => tx.write(changes)),
      inside: (body) => present(store).transact(body),
    };
    declare(context);
  });
}

/** Collects all pages of a list, `limit` at a time; fails on a list that does not end. */
export async function allPages<P extends { readonly next: string | null }, T>(
  load: (after: string | null) => Promise<P>,
  itemsOf: (page: P) => readonly T[],
): Promise<T[]> {
  const items: T[] = [];
  let after: string | null = null;
  for (let pages = 0; pages < 1_000; pages++) {
    const page: P = await load(after);
    items.push(...itemsOf(page));
    if (page.next === null) return items;
    after = page.next;
  }
  throw new Error("the list has no end");
}

export function idsOf(records: readonly { readonly id: string }[]): string[] {
  return records.map((record) => record.id);
}

/** The same records in order of their ids, for answers whose order is free. */
export function byId<T extends { readonly id: string }>(records: readonly T[]): T[] {
  return records.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** `count` of something, made in order. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Recognisable bytes that are nobody else's. */
export function bytes(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + seed) % 256);
}

/** The value, which the test has put there. */
export function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("there is nothing where the test expects something");
  return value;
}
