import { describe, expect, it } from "vitest";
import type { Store, StoreTransaction, WriteSet } from "../store/store.ts";
import { EngineHarness } from "../testing/engine-harness.ts";
import type { ManualClock } from "../testing/manual-clock.ts";
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

/** As long as there is a clock, steps that do anything but renew leases meet another one each time, and are run again after a while. */
function keptOut(store: Store, door: { heldBy: ManualClock | null }): Store {
  const again = new Error("run it again");
  return {
    ...store,
    async transact(body) {
      for (;;) {
        const written = new Set<string>();
        const noting = (tx: StoreTransaction): StoreTransaction => ({
          ...tx,
          write(changes) {
            for (const key of Object.keys(changes) as (keyof WriteSet)[])
              if (changes[key] !== undefined) written.add(key);
            return tx.write(changes);
          },
        });
        try {
          return await store.transact(async (tx) => {
            const value = await body(noting(tx));
            written.delete("extendSessions");
            if (door.heldBy !== null && written.size > 0) throw again;
            return value;
          });
        } catch (error) {
          if (error !== again) throw error;
        }
        const clock = door.heldBy;
        if (clock !== null) await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve));
      }
    },
  };
}

const RETRY_MS = 100;

describe("tasks that the store leaves to others", () => {
  it("are looked at again as late as it says", async () => {
    let looks = 0;
    let isLeft = true;
    const leave = (tx: StoreTransaction): StoreTransaction => ({
      ...tx,
      async claimCandidates(request) {
        looks++;
        return isLeft ? { tasks: [], isAll: false, leftForMs: 30 } : tx.claimCandidates(request);
      },
    });
    await using harness = await EngineHarness.start({ wrapStore: (store) => changed(store, leave) });
    await harness.submit();
    const runner = await harness.open({ credits: 1 });
    expect({ looks, labels: runner.labels }).toEqual({ looks: 1, labels: [] });
    harness.clock.advance(29);
    await harness.settle();
    expect(looks).toBe(1);
    harness.clock.advance(1);
    await harness.settle();
    expect(looks).toBe(2);
    isLeft = false;
    harness.clock.advance(30);
    await harness.settle();
    expect(runner.labels).toEqual(["root"]);
  });
});

describe("what else there is when the store left some to others", () => {
  /** A store that returns at most two candidates, and leaves the rest to others for 30 ms. */
  async function startLeaving(looks: number[]) {
    const leave = (tx: StoreTransaction): StoreTransaction => ({
      ...tx,
      async claimCandidates(request) {
        const { tasks } = await tx.claimCandidates({ ...request, limit: Math.min(2, request.limit) });
        looks.push(tasks.length);
        return { tasks, isAll: false, leftForMs: 30 };
      },
    });
    return EngineHarness.start({ wrapStore: (store) => changed(store, leave) });
  }

  it("is not looked at by steps that settle before it is time", async () => {
    const looks: number[] = [];
    await using harness = await startLeaving(looks);
    await harness.submit({ tasks: aSet({ tasks: ["a", "b", "c", "d"] }) });
    const runner = await harness.open({ credits: 3 });
    expect({ looks, labels: runner.labels }).toEqual({ looks: [2], labels: ["a", "b"] });
    runner.compute("a");
    await harness.settle();
    harness.clock.advance(29);
    await harness.settle();
    expect(looks).toEqual([2]);
    harness.clock.advance(1);
    await harness.settle();
    expect({ looks, labels: runner.labels }).toEqual({ looks: [2, 2], labels: ["a", "b", "c", "d"] });
  });

  it("does not keep what a step makes from being granted in it", async () => {
    const looks: number[] = [];
    await using harness = await startLeaving(looks);
    await harness.submit({ tasks: aSet({ tasks: ["a", "b", "c"] }) });
    const runner = await harness.open({ credits: 3 });
    await harness.submit({ tasks: aSet("new") });
    expect({ looks, labels: runner.labels }).toEqual({ looks: [2], labels: ["a", "b", "new"] });
    runner.compute("new");
    await harness.settle();
    harness.clock.advance(30);
    await harness.settle();
    expect({ looks, labels: runner.labels }).toEqual({ looks: [2, 1], labels: ["a", "b", "new", "c"] });
  });
});

/** Follows whether there is background work, and says so each time a step looks for some. */
class WorkWatch {
  isWorking = false;

  follow(tx: StoreTransaction, looked: () => void): StoreTransaction {
    return {
      ...tx,
      workItems: (limit) => {
        looked();
        return tx.workItems(limit);
      },
      write: async (changes) => {
        this.isWorking = changes.putWork !== undefined || (this.isWorking && changes.deleteWork === undefined);
        await tx.write(changes);
      },
    };
  }
}

describe("a step that met another one", () => {
  it("leaves background work to the next one while there are commands, but not twice in a row", async () => {
    /** For each step that may do stored work, whether its last run did. */
    const didWork: boolean[] = [];
    const work = new WorkWatch();
    const watch = (tx: StoreTransaction, run: number): StoreTransaction => {
      if (run === 1) didWork.push(false);
      return work.follow(tx, () => {
        if (run > 1) didWork[didWork.length - 1] = true;
      });
    };
    await using harness = await EngineHarness.start({
      settings: { sliceSize: 10 },
      wrapStore: (store) => ({ ...changed(store, watch, 2), sharing: "shared" }),
      // As long as there is work, each step is followed by one that has a command.
      observer: {
        batchCommitted: () => {
          if (work.isWorking) void harness.engine.submitJob(aJob());
        },
      },
    });
    didWork.length = 0;
    const { job } = await harness.submit({
      tasks: aSet({ tasks: Array.from({ length: 200 }, (_, n) => `task ${n}`) }),
    });
    expect((await harness.store.job(job.id))?.counts.QUEUED).toBe(200);
    const during = didWork.slice(0, didWork.lastIndexOf(true) + 1);
    expect(during.filter(Boolean).length).toBeGreaterThan(3);
    expect(during.filter((did) => !did).length).toBeGreaterThan(3);
    for (const [index, did] of during.entries()) if (index > 1 && !did) expect(during[index - 1]).toBe(true);
  });
});

describe("on a store that others share", () => {
  it("background work that is not finished has steps of its own, and commands one after three of them at the latest", async () => {
    /** For each step, whether it did stored work and how many commands it had. */
    const steps: { didWork: boolean; commands: number }[] = [];
    let didWork = false;
    const work = new WorkWatch();
    const watch = (tx: StoreTransaction) =>
      work.follow(tx, () => {
        didWork = true;
      });
    await using harness = await EngineHarness.start({
      settings: { sliceSize: 10 },
      wrapStore: (store) => ({ ...changed(store, watch), sharing: "shared" }),
      observer: {
        batchCommitted: ({ commands }) => {
          steps.push({ didWork, commands });
          didWork = false;
          // As long as there is work, there is always a command, too.
          if (work.isWorking) void harness.engine.submitJob(aJob());
        },
      },
    });
    steps.length = 0;
    const { job } = await harness.submit({
      tasks: aSet({ tasks: Array.from({ length: 100 }, (_, n) => `task ${n}`) }),
    });
    expect((await harness.store.job(job.id))?.counts.QUEUED).toBe(100);
    const during = steps.slice(1, steps.findLastIndex((step) => step.didWork) + 1);
    const turns = during.map((step) => (step.didWork ? "W" : "C")).join("");
    expect(turns).toMatch(/^(WWWC)+W{1,3}$/);
    expect(turns.length).toBeGreaterThan(9);
    expect(during.filter((step) => step.didWork && step.commands > 0)).toEqual([]);
  });
});

describe("a step that only renews leases, since it collided when one was about to run out", () => {
  it("keeps nobody's session for longer of whom nothing is heard", async () => {
    await using harness = await EngineHarness.start({ wrapStore: (store) => changed(store, (tx) => tx, 2) });
    const { leaseDurationMs } = harness.settings;
    const late = await harness.open();
    const silent = await harness.open();
    await harness.advance(0.3 * leaseDurationMs);
    late.handle.heartbeat();
    await harness.advance(0.2 * leaseDurationMs);
    silent.handle.heartbeat();
    await harness.advance(0.7 * leaseDurationMs);
    // It has a tenth of its lease left, and here is a step that meets others before the next renewal.
    late.handle.heartbeat();
    await harness.submit();
    await harness.advance(0.5 * leaseDurationMs);
    expect({ late: late.closed, silent: silent.closed }).toMatchObject({
      late: null,
      silent: { reason: "UNAVAILABLE" },
    });
  });
});

describe("a step that is kept out for longer than a lease", () => {
  it("costs no runner its lease, here or at the hands of others, and is done when the way is free", async () => {
    const door: { heldBy: ManualClock | null } = { heldBy: null };
    await using here = await EngineHarness.startShared({ wrapStore: (store) => keptOut(store, door) });
    await using _there = await here.beside({ wrapStore: (store) => store });
    const { job } = await here.submit();
    const runner = await here.open({ credits: 1 });
    await here.open();
    using _ = {
      [Symbol.dispose]() {
        door.heldBy = null;
        here.clock.advance(RETRY_MS);
      },
    };
    door.heldBy = here.clock;
    runner.compute("root");
    const { leaseDurationMs } = here.settings;
    for (let heard = 0; heard < 9; heard++) {
      await here.advance(leaseDurationMs / 3);
      runner.handle.heartbeat();
    }
    expect({ acked: runner.acked, closed: runner.closed }).toEqual({ acked: [], closed: null });
    // Who is not heard of loses his all the same: the others see to that.
    const { items } = await here.store.listSessions(null, { limit: 9, after: null });
    expect(items.map(({ running }) => running)).toEqual([1]);
    door.heldBy = null;
    await here.advance(RETRY_MS);
    expect(runner.acked).toMatchObject([{ rejection: null }]);
    expect(runner.closed).toBeNull();
    expect(await here.engine.reads.job(job.id)).toMatchObject({ status: "COMPLETED" });
  });
});
