import { describe, expect, it } from "vitest";
import { describeDisturbance, planDisturbances } from "./schedule.ts";

const THREE = { orchestrators: 3, runners: 6, hasDatabase: true };
const ONE = { orchestrators: 1, runners: 6, hasDatabase: false };
const options = { seed: 1, round: 1, durationMs: 60_000, leaseMs: 2_000, topology: THREE };

describe("the schedule", () => {
  it("is the same for the same seed and round, and another one otherwise", () => {
    expect(planDisturbances(options)).toEqual(planDisturbances(options));
    expect(planDisturbances({ ...options, seed: 2 })).not.toEqual(planDisturbances(options));
    expect(planDisturbances({ ...options, round: 2 })).not.toEqual(planDisturbances(options));
  });

  it("holds every kind of disturbance, of everything, shorter and longer than a lease", () => {
    const all = Array.from({ length: 150 }, (_, seed) => planDisturbances({ ...options, seed })).flat();
    const told = new Set(all.map((one) => describeDisturbance(one).replace(/\d+ ms/, "n ms")));
    const processes = ["orchestrator-1", "orchestrator-3", "runner-1", "runner-6", "database"];
    for (const target of processes) for (const kind of ["kill", "freeze"]) expect(told).toContain(`${kind} ${target}`);
    const places = [
      "all links of database",
      "all links of orchestrator-2",
      "all links of runner-4",
      "all links of submitter",
    ];
    for (const where of places) {
      for (const mode of ["delay by n ms", "cut up", "cut down", "black-hole", "reset"]) {
        expect(told).toContain(`${mode} ${where}`);
      }
    }
    expect(all.some((one) => one.kind === "link" && one.where === "runner-2>orchestrator-3")).toBe(true);
    expect(all.some((one) => one.kind === "link" && one.where === "orchestrator-2>database")).toBe(true);
    expect(all.filter((one) => one.lastsMs < 1_500).length).toBeGreaterThan(50);
    expect(all.filter((one) => one.lastsMs > 2_000).length).toBeGreaterThan(50);
  });

  it("never disturbs a server that is not there", () => {
    const all = Array.from({ length: 20 }, (_, seed) => planDisturbances({ ...options, seed, topology: ONE })).flat();
    expect(all.map(describeDisturbance).filter((told) => /database|orchestrator-2/.test(told))).toEqual([]);
  });

  it("has one disturbance at a time of runners, of servers and of links, and undoes all in time", () => {
    for (let seed = 0; seed < 20; seed++) {
      const all = planDisturbances({ ...options, seed });
      const rows = [...Map.groupBy(all, ({ row }) => row).values()];
      const kinds = all.map((one) => `${one.row} ${one.kind === "link" ? "link" : one.target.replace(/-\d/, "")}`);
      const known = ["links link", "runners runner", "servers database", "servers orchestrator"];
      expect(kinds.filter((kind) => !known.includes(kind))).toEqual([]);
      expect(rows.map((list) => list.length).reduce((sum, length) => sum + length)).toBe(all.length);
      for (const list of rows) {
        for (const [index, { atMs, lastsMs }] of list.entries()) {
          expect(atMs + lastsMs).toBeLessThanOrEqual(list[index + 1]?.atMs ?? options.durationMs);
        }
      }
    }
  });

  it("leaves everything alone for a while again and again", () => {
    for (let seed = 0; seed < 20; seed++) {
      const all = planDisturbances({ ...options, seed });
      for (const calm of [12_000, 27_000, 42_000]) {
        const inIt = all.filter(({ atMs, lastsMs }) => atMs < calm + 3_000 && atMs + lastsMs > calm);
        expect(inIt).toEqual([]);
      }
    }
  });
});
