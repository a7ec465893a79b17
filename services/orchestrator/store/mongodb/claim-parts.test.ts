import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ownParts } from "./claim-parts.ts";
import { PARTS } from "./task-codec.ts";

const ALL = Array.from({ length: PARTS }, (_, part) => part);

const claimers = (maxLength: number) =>
  fc.uniqueArray(fc.nat(1_000), { minLength: 1, maxLength }).map((slots) => slots.sort((a, b) => a - b));
const time = fc.integer({ min: 1.7e12, max: 1.9e12 });

/** What each of them may claim at a moment. */
function division(claiming: readonly number[], now: number, graceMs: number): number[][] {
  return claiming.map((slot) => ownParts({ claiming, slot, now, graceMs }).parts);
}

describe("own parts", () => {
  it("are never two processes' own, and everybody's when nothing moves", () => {
    fc.assert(
      fc.property(claimers(2 * PARTS), time, fc.nat(500), (claiming, now, graceMs) => {
        const own = division(claiming, now, graceMs).flat();
        expect(new Set(own).size).toBe(own.length);
        const settled = division(claiming, now, 0).flat();
        expect(settled.toSorted((a, b) => a - b)).toEqual(ALL);
      }),
    );
  });

  it("are shared out evenly", () => {
    fc.assert(
      fc.property(claimers(PARTS), time, (claiming, now) => {
        const sizes = division(claiming, now, 0).map((own) => own.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("were nobody else's for the length of the grace", () => {
    fc.assert(
      fc.property(claimers(6), time, fc.integer({ min: 1, max: 400 }), (claiming, now, graceMs) => {
        for (const [index, own] of division(claiming, now, graceMs).entries()) {
          const before = division(claiming, now - Math.min(graceMs, 400 * (claiming.length / PARTS)), 0);
          const others = before.filter((_, other) => other !== index).flat();
          expect(own.filter((part) => others.includes(part))).toEqual([]);
        }
      }),
    );
  });

  it("are the same until it is said that they are others", () => {
    fc.assert(
      fc.property(claimers(2 * PARTS), time, fc.nat(500), (claiming, now, graceMs) => {
        const [slot = 0] = claiming;
        const { parts, forMs } = ownParts({ claiming, slot, now, graceMs });
        expect(ownParts({ claiming, slot, now: now + 0.9 * forMs, graceMs }).parts).toEqual(parts);
        expect(forMs).toBeGreaterThan(0);
      }),
    );
  });

  it("come to every process in time", () => {
    fc.assert(
      fc.property(claimers(2 * PARTS), time, fc.nat(PARTS - 1), (claiming, now, part) => {
        const met = new Set<number>();
        const wholeMs = 5_000 * (claiming.length + 1);
        for (let at = now; at < now + wholeMs; at += 50) {
          for (const [index, own] of division(claiming, at, 20).entries()) if (own.includes(part)) met.add(index);
        }
        expect(met.size).toBe(claiming.length);
      }),
      { numRuns: 30 },
    );
  });
});
