import { expect, it } from "vitest";
import { EngineHarness } from "../testing/engine-harness.ts";
import { aSet } from "../testing/submissions.ts";

it("runs", async () => {
  await using harness = await EngineHarness.start({ settings: { sliceSize: 3, maxBatch: 3 } });
  const runner = await harness.open({ credits: 2 });
  const { job } = await harness.submit();
  expect(runner.labels).toEqual(["root"]);
  runner.split("root", aSet({ tasks: ["a", "b", "c", "d", "e"] }, { tasks: ["z"], dependsOn: [0] }));
  await harness.settle();
  for (let i = 0; i < 10; i++) {
    for (const g of runner.take()) if (g.label !== "root") runner.compute(g.label);
    await harness.settle();
  }
  console.log(runner.labels, await harness.engine.reads.job(job.id), harness.batches.length);
});
