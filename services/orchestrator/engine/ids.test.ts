import { describe, expect, it } from "vitest";
import { seededBytes } from "../testing/seeded-random.ts";
import { createIds } from "./ids.ts";

const NOW = Date.UTC(2026, 0, 1);

function startAt(now: number, seed: number) {
  const clock = { now };
  return { clock, ids: createIds(() => clock.now, seededBytes(seed)) };
}

describe("ids", () => {
  it("ascend, whatever the clock does", () => {
    const { clock, ids } = startAt(NOW, 1);
    const made: string[] = [];
    for (const now of [NOW, NOW, NOW + 5, NOW - 1_000, NOW + 5, NOW + 6]) {
      clock.now = now;
      made.push(ids.next(), ids.next());
    }
    expect(made).toEqual([...made].sort());
    expect(new Set(made).size).toBe(made.length);
    expect(made.every((id) => /^[0-9A-HJKMNP-TV-Z]{26}$/.test(id))).toBe(true);
  });

  it("are above one that was made where the clock is ahead, and never one that is made there next", () => {
    const ahead = startAt(NOW + 5_000, 1);
    const behind = startAt(NOW, 2);
    const parent = ahead.ids.next();
    const siblings = new Set(Array.from({ length: 100 }, () => ahead.ids.next()));
    const children = [behind.ids.next(parent), behind.ids.next(), behind.ids.next(parent)];
    expect(children.every((id) => id > parent && !siblings.has(id))).toBe(true);
    expect(children).toEqual([...children].sort());
    behind.clock.now += 60_000;
    expect(behind.ids.next(parent).slice(0, 10) > ahead.ids.next().slice(0, 10)).toBe(true);
  });

  it("cost nothing more above one that is older", () => {
    const { clock, ids } = startAt(NOW, 1);
    const parent = ids.next();
    clock.now += 10;
    const first = ids.next(parent);
    expect(ids.next().slice(0, 18)).toBe(first.slice(0, 18));
  });
});
