import { setTimeout as wait } from "node:timers/promises";
import { Gauge, type Registry } from "prom-client";

/** A scrape waits for the size no longer than this. */
const LONGEST_WAIT_MS = 500;
/** The store is busy with telling its size for at most one part in so many of the time. */
const SHARE = 20;

/**
 * Adds the size of the store to a registry. Some servers walk everything to tell it, and one that is away does not tell it at all: that must neither slow
 * down the store nor take all other metrics away. The last size that is known is shown in its place.
 */
export function watchStoreSize(
  registry: Registry,
  sizeBytes: () => Promise<number>,
  now: () => number = () => performance.now(),
): void {
  let notBefore = Number.NEGATIVE_INFINITY;
  let measuring: Promise<void> | null = null;
  const gauge = new Gauge({
    name: "taskgrove_store_size_bytes",
    help: "Size of the store, as of when it was last measured.",
    registers: [registry],
    async collect() {
      if (now() >= notBefore) measuring ??= measure();
      if (measuring === null) return;
      const waiting = new AbortController();
      await Promise.race([measuring, wait(LONGEST_WAIT_MS, undefined, { signal: waiting.signal }).catch(() => {})]);
      waiting.abort();
    },
  });

  async function measure(): Promise<void> {
    const begun = now();
    // Away: somebody else says so.
    await sizeBytes().then(
      (size) => gauge.set(size),
      () => {},
    );
    notBefore = now() + SHARE * (now() - begun);
    measuring = null;
  }
}
