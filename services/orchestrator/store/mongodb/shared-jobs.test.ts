import { describe, expect, test, vi } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import { type Chance, chanceOf, type Gate, interleave, seeds, timeoutOf } from "../../testing/mongodb/interleaving.ts";
import { JobHistory } from "../../testing/mongodb/job-history.ts";
import { openSeveralStores } from "../../testing/mongodb/several-stores.ts";
import type { ChangeEntry, Store } from "../store.ts";

const SEEDS = seeds(2);
vi.setConfig({ testTimeout: timeoutOf(SEEDS) });

/** Steps of each store in one run. */
const STEPS = 8;

describeWithMongo("a job that several stores count", (uri) => {
  describe.each([
    { divideFrom: 1, count: 2 },
    { divideFrom: 1, count: 3 },
    { divideFrom: 25, count: 3 },
    { divideFrom: undefined, count: 2 },
  ])("$count stores, divided from $divideFrom tasks", ({ divideFrom, count }) => {
    test("has the sums, the status and the change log of all steps", async () => {
      const options = divideFrom === undefined ? {} : { divideFrom };
      await using several = await openSeveralStores(uri, count, options);
      for (const seed of SEEDS) await run(several.stores, chanceOf(seed));
    });
  });

  async function run(stores: readonly Store[], chance: Chance) {
    const history = await JobHistory.begin(stores[0] as Store);
    let writing = stores.length;
    const write = (store: Store) => async (gate: Gate) => {
      for (let step = 0; step < STEPS; step++) {
        await gate();
        if (chance.is(0.2)) expect(await store.job(history.jobId)).toEqual(history.now);
        await history.step(store, chance, gate);
      }
      writing--;
    };
    const readers = stores.map(() => ({ entries: [] as ChangeEntry[] }));
    const read = (store: Store, index: number) => async (gate: Gate) => {
      const entries = readers[index]?.entries ?? [];
      for (let more = true; more; ) {
        await gate();
        const isLast = writing === 0;
        const page = await store.listChanges(history.jobId, entries.at(-1)?.position ?? null, chance.between(1, 6));
        entries.push(...page);
        more = !isLast || page.length > 0;
      }
    };
    await interleave(chance, [...stores.map(write), ...stores.map(read)]);
    for (const { entries } of readers) history.expectWhole(entries);
    await expectResumable(
      stores,
      history,
      readers.flatMap(({ entries }) => entries),
    );
  }

  /** Whatever the position, and whichever store is asked: what comes behind it is what the reader has not seen. */
  async function expectResumable(stores: readonly Store[], history: JobHistory, passed: readonly ChangeEntry[]) {
    const [one, other] = [stores[0] as Store, stores.at(-1) as Store];
    const whole = await one.listChanges(history.jobId, null, 1_000);
    history.expectWhole(whole);
    expect(await other.job(history.jobId)).toEqual(history.now);
    for (const [index, { position }] of whole.entries()) {
      expect(await other.listChanges(history.jobId, position, 1_000)).toEqual(whole.slice(index + 1));
    }
    for (const { position } of passed.filter((_, index) => index % 7 === 0)) {
      const rest = await other.listChanges(history.jobId, position, 1_000);
      if (rest.length > 0) expect(rest.at(-1)?.job).toEqual(history.now);
    }
  }
});
