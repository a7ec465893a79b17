import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkEnd } from "../testing/check-end.ts";
import { randomRun } from "../testing/random-actions.ts";
import { Simulation } from "../testing/simulation.ts";

/** More runs, for a longer search: `PROPERTY_RUNS=5000 npm run test:property`. A failure prints its seed and path. */
const RUNS = Number(process.env.PROPERTY_RUNS ?? 150);

describe("the engine and the reference model agree", () => {
  it("after every step of any run", { timeout: RUNS * 10_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(randomRun, async (run) => {
        await using simulation = await Simulation.start(run);
        try {
          for (const step of run.steps) await simulation.perform(step);
          await simulation.drain();
          await checkEnd(simulation);
          await simulation.retryAll();
          await checkEnd(simulation);
          expect([...simulation.model.jobs.values()].every((job) => job.status === "COMPLETED")).toBe(true);
        } catch (error) {
          if (fc.PreconditionFailure.isFailure(error)) throw error;
          throw new Error(simulation.history.map((step) => step.join("; ")).join("\n"), { cause: error });
        }
      }),
      { numRuns: RUNS },
    );
  });
});
