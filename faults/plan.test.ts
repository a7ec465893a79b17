import { describe, expect, it } from "vitest";
import { planJob } from "./plan.ts";
import { allSteps } from "./steps.ts";

describe("the plan of a job", () => {
  it("is the same for the same numbers, and another one otherwise", () => {
    expect(planJob(1, 2, 3)).toEqual(planJob(1, 2, 3));
    expect(planJob(1, 2, 4).groups).not.toEqual(planJob(1, 2, 3).groups);
    expect(planJob(2, 2, 3).groups).not.toEqual(planJob(1, 2, 3).groups);
  });

  it("is of every shape, canceled, retried, by call and by stream, now and then", () => {
    const plans = Array.from({ length: 400 }, (_, number) => planJob(1, 1, number));
    const shapes = new Set(plans.map(({ shape }) => shape));
    const known = ["chain", "doomed", "fan-out", "flaky", "graph", "large", "optional", "recursion", "single", "wide"];
    expect([...shapes].sort()).toEqual(known);
    expect(plans.some(({ cancelAfterMs }) => cancelAfterMs !== undefined)).toBe(true);
    expect(plans.some(({ retries, shape }) => retries > 0 && shape === "doomed")).toBe(true);
    expect(new Set(plans.map(({ byStream }) => byStream)).size).toBe(2);
    const steps = plans.flatMap((plan) => [...allSteps(plan).values()]);
    expect(steps.some(({ plan }) => plan.failsBy === "stall")).toBe(true);
    expect(steps.some(({ plan }) => plan.failsBy === "fatal")).toBe(true);
    expect(steps.some(({ plan }) => plan.stubborn)).toBe(true);
    expect(steps.some(({ plan }) => plan.optional)).toBe(true);
    expect(steps.some(({ plan }) => (plan.units ?? 0) > 0)).toBe(true);
  });

  it("has no dependency on a group behind", () => {
    for (let number = 0; number < 200; number++) {
      for (const { path, dependsOn } of allSteps(planJob(5, 1, number)).values()) {
        const group = Number(path.split("/").at(-1)?.split(".")[0]);
        for (const before of dependsOn) expect(Number(before.split("/").at(-1)?.split(".")[0])).toBeLessThan(group);
      }
    }
  });
});

describe("all steps", () => {
  it("have paths, parents and dependencies", () => {
    const groups = [
      { dependsOn: [], steps: [{ ms: 0, groups: [{ dependsOn: [], steps: [{ ms: 1 }, { ms: 2 }] }] }] },
      { dependsOn: [0], steps: [{ ms: 3 }] },
    ];
    const options = { key: "k", shape: "single", priority: 0, byStream: false, cancelAfterMs: undefined } as const;
    const steps = [...allSteps({ ...options, retries: 0, groups }).values()];
    expect(steps.map(({ path, parentPath, dependsOn }) => [path, parentPath, dependsOn])).toEqual([
      ["0.0", "", []],
      ["0.0/0.0", "0.0", []],
      ["0.0/0.1", "0.0", []],
      ["1.0", "", ["0.0"]],
    ]);
  });
});
