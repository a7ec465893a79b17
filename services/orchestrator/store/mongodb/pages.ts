import type { Collection, Document, Filter, FindOptions } from "mongodb";
import type { Page, PageRequest } from "../store.ts";

/** All that matches, up to the limit, in one round trip unless it is larger than a message. */
export async function findRows<T extends Document>(
  collection: Collection<T>,
  filter: Filter<T>,
  options: FindOptions & { readonly limit: number },
): Promise<T[]> {
  return (await collection.find(filter, { batchSize: options.limit + 1, ...options }).toArray()) as T[];
}

/** Puts a page together from lists that stop early when a filter matches little. */
export async function fillPage<T>(page: PageRequest, load: (rest: PageRequest) => Promise<Page<T>>): Promise<Page<T>> {
  const items: T[] = [];
  let after = page.after;
  for (;;) {
    const found = await load({ limit: page.limit - items.length, after });
    items.push(...found.items);
    if (found.next === null || items.length >= page.limit) return { items, next: found.next };
    after = found.next;
  }
}
