import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { watchStoreSize } from "./store-size.ts";

/** A registry that shows what a store answers, at a time that the test tells. */
function watched(answer: () => Promise<number>) {
  const registry = new Registry();
  const state = { now: 0, asked: 0 };
  watchStoreSize(
    registry,
    () => {
      state.asked++;
      return answer();
    },
    () => state.now,
  );
  const shown = async () => /^taskgrove_store_size_bytes (\d+)$/m.exec(await registry.metrics())?.[1];
  return { state, shown };
}

describe("the size of the store", () => {
  it("is asked for with each scrape while that costs nothing", async () => {
    let size = 10;
    const { shown } = watched(async () => size);
    expect(await shown()).toBe("10");
    size = 20;
    expect(await shown()).toBe("20");
  });

  it("is asked for the less often the longer it takes", async () => {
    let size = 10;
    const { state, shown } = watched(async () => {
      state.now += 100;
      return size;
    });
    expect(await shown()).toBe("10");
    size = 20;
    state.now += 1_999;
    expect(await shown()).toBe("10");
    expect(state.asked).toBe(1);
    state.now += 1;
    expect(await shown()).toBe("20");
  });

  it("is the last one that was known when the store is away", async () => {
    let isAway = false;
    const { shown } = watched(() => (isAway ? Promise.reject(new Error("away")) : Promise.resolve(10)));
    await shown();
    isAway = true;
    expect(await shown()).toBe("10");
  });

  it("does not hold up a scrape when the store does not answer, and is asked for once", async () => {
    const { state, shown } = watched(() => new Promise<number>(() => {}));
    expect(await shown()).toBe("0");
    expect(await shown()).toBe("0");
    expect(state.asked).toBe(1);
  });
});
