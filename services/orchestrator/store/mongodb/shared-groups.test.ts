import { describe, expect, test, vi } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import type { GroupRecord } from "../../domain/records.ts";
import { type Chance, chanceOf, type Gate, interleave, seeds, timeoutOf } from "../../testing/mongodb/interleaving.ts";
import { openSeveralStores } from "../../testing/mongodb/several-stores.ts";
import { aGroup, aJob } from "../../testing/records.ts";
import type { Store } from "../store.ts";

const SEEDS = seeds(3);
vi.setConfig({ testTimeout: timeoutOf(SEEDS) });

/** What is so of the group, as every reader must see it. */
interface Truth {
  open: number;
  waiting: number;
  /** How many steps have seen that nothing is open any more. */
  closings: number;
}

describeWithMongo("a group that several stores count down", (uri) => {
  describe.each([
    { divideFrom: undefined, stores: 2, size: { least: 3, most: 100 } },
    { divideFrom: 1, stores: 2, size: { least: 60, most: 400 } },
    { divideFrom: 1, stores: 3, size: { least: 60, most: 400 } },
    { divideFrom: undefined, stores: 3, size: { least: 600, most: 1_200 } },
  ])("$stores stores, divided from $divideFrom, $size.least to $size.most tasks", ({ divideFrom, stores, size }) => {
    test("closes once, when the last task is done, and everybody sees the right number at any time", async () => {
      await using several = await openSeveralStores(uri, stores, {
        beatMs: 100,
        ...(divideFrom === undefined ? {} : { divideFrom }),
      });
      for (const seed of SEEDS) await countDown(several.stores, chanceOf(seed), size);
    });
  });

  async function countDown(stores: readonly Store[], chance: Chance, size: { least: number; most: number }) {
    const job = aJob();
    const total = chance.between(size.least, size.most);
    const group = aGroup({ jobId: job.id, open: total, size: total });
    await stores[0]?.transact((tx) => tx.write({ insertJobs: [job], insertGroups: [group] }));
    const truth: Truth = { open: total, waiting: 0, closings: 0 };
    const portions = portionsOf(chance, total, stores.length);
    await interleave(
      chance,
      stores.map((store, index) => async (gate: Gate) => {
        for (const portion of portions[index] ?? []) {
          await gate();
          if (chance.is(0.3)) expectSame(await read(store, group.id), truth);
          if (chance.is(0.1)) await changeWaiting(store, group.id, truth, gate, chance.pick([1, -1]));
          await countOne(store, group.id, truth, gate, portion);
        }
      }),
    );
    expect(truth).toMatchObject({ open: 0, closings: 1 });
    for (const store of stores) expectSame(await read(store, group.id), truth);
  }

  async function countOne(store: Store, id: string, truth: Truth, gate: Gate, portion: number) {
    const left = await store.transact(async (tx) => {
      const [group] = await tx.loadGroups([id]);
      expectSame(group, truth);
      await gate();
      const open = (group?.open ?? 0) - portion;
      await tx.write({ updateGroups: [{ ...(group as GroupRecord), open }] });
      return open;
    });
    truth.open -= portion;
    if (left === 0) truth.closings++;
  }

  async function changeWaiting(store: Store, id: string, truth: Truth, gate: Gate, change: number) {
    await store.transact(async (tx) => {
      const [group] = await tx.loadGroups([id]);
      expectSame(group, truth);
      await gate();
      await tx.write({ updateGroups: [{ ...(group as GroupRecord), waiting: (group?.waiting ?? 0) + change }] });
    });
    truth.waiting += change;
  }

  async function read(store: Store, id: string): Promise<GroupRecord | undefined> {
    return (await store.groups([id]))[0];
  }

  function expectSame(group: GroupRecord | undefined, truth: Truth) {
    expect(group).toMatchObject({ open: truth.open, waiting: truth.waiting });
  }
});

/** Splits a number into portions of any size, and those among the stores. */
function portionsOf(chance: Chance, total: number, stores: number): number[][] {
  const largest = Math.max(3, Math.ceil(total / 12));
  const portions = Array.from({ length: stores }, (): number[] => []);
  for (let left = total; left > 0; ) {
    const portion = Math.min(left, chance.is(0.3) ? 1 : chance.between(1, largest));
    chance.pick(portions).push(portion);
    left -= portion;
  }
  return portions;
}
