import { setTimeout as sleep } from "node:timers/promises";

const INTERVAL_MS = 20;
const LONGEST_MS = 300_000;

/** Asks again and again, for what is not part of a measurement. Rejects when the answer is still no after five minutes. */
export async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const start = performance.now();
  while (!(await isTrue())) {
    if (performance.now() - start > LONGEST_MS) throw new Error(`waited for too long until ${what}`);
    await sleep(INTERVAL_MS);
  }
}
