import { describe, expect, it } from "vitest";
import type { Store, StoreTransaction } from "../store/store.ts";
import { EngineHarness } from "../testing/engine-harness.ts";
import { aJob, aSet } from "../testing/submissions.ts";

/** A store whose transactions are changed before a step sees them; `runs` is how many times each step is run. */
function changed(store: Store, change: (tx: StoreTransaction, run: number) => StoreTransaction, runs = 1): Store {
  return {
    ...store,
    async transact(body) {
      const again = new Error("run it again");
      for (let run = 1; run < runs; run++) {
        await store
          .transact(async (tx) => {
            await body(change(tx, run));
            throw again;
          })
          .catch((error) => {
            if (error !== again) throw error;
          });
      }
      return store.transact((tx) => body(change(tx, runs)));
    },
  };
}

describe("tasks that the store leaves to others", () => {
  it("are looked at again a moment later, but not until then", async () => {
    let looks = 0;
    let isLeft = true;
    const leave = (tx: StoreTransaction): StoreTransaction => ({
      ...tx,
      async claimCandidates(request) {
        looks++;
        return isLeft ? { tasks: [], isAll: false } : tx.claimCandidates(request);
      },
    });
    await using harness = await EngineHarness.start({ wrapStore: (store) => changed(store, leave) });
    await harness.submit();
    const runner = await harness.open({ credits: 1 });
    expect({ looks, labels: runner.labels }).toEqual({ looks: 1, labels: [] });
    harness.clock.advance(20);
    await harness.settle();
    expect(looks).toBe(2);
    isLeft = false;
    harness.clock.advance(20);
    await harness.settle();
    expect(runner.labels).toEqual(["root"]);
  });
});

describe("a step that met another one", () => {
  it("leaves background work to the next one while there are commands, but not twice in a row", async () => {
    /** For each step that may do stored work, whether its last run did. */
    const didWork: boolean[] = [];
    let isWorking = false;
    const watch = (tx: StoreTransaction, run: number): StoreTransaction => {
      if (run === 1) didWork.push(false);
      return {
        ...tx,
        workItems(limit) {
          if (run > 1) didWork[didWork.length - 1] = true;
          return tx.workItems(limit);
        },
        async write(changes) {
          isWorking = changes.putWork !== undefined || (isWorking && changes.deleteWork === undefined);
          await tx.write(changes);
        },
      };
    };
    await using harness = await EngineHarness.start({
      settings: { sliceSize: 10 },
      wrapStore: (store) => changed(store, watch, 2),
      // As long as there is work, each step is followed by one that has a command.
      observer: {
        batchCommitted: () => {
          if (isWorking) void harness.engine.submitJob(aJob());
        },
      },
    });
    didWork.length = 0;
    const { job } = await harness.submit({ tasks: aSet({ tasks: Array.from({ length: 60 }, (_, n) => `task ${n}`) }) });
    expect((await harness.store.job(job.id))?.counts.QUEUED).toBe(60);
    const during = didWork.slice(0, didWork.lastIndexOf(true) + 1);
    expect(during.filter(Boolean).length).toBeGreaterThan(3);
    expect(during.filter((did) => !did).length).toBeGreaterThan(3);
    for (const [index, did] of during.entries()) if (index > 1 && !did) expect(during[index - 1]).toBe(true);
  });
});
