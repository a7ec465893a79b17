import { connect, Runner } from "taskgrove";
import { startTestServer } from "taskgrove/testing";
import { expect, it } from "vitest";
import { parseOptions } from "./options.ts";
import { CountPrimes, primeTasks } from "./tasks.ts";

it.each([
  { below: 0, primes: 0 },
  { below: 3, primes: 1 },
  { below: 1_000_000, primes: 78_498 },
])("counts $primes primes below $below", async ({ below, primes }) => {
  await using server = await startTestServer();
  using client = connect(server.address);
  const job = await client.jobs.submit("primes", new CountPrimes({ below }));
  await new Runner({ address: server.address, tasks: primeTasks, concurrency: 2 }).runAll();
  expect((await client.jobs.wait(job.id)).state).toBe("COMPLETED");
  expect(await client.cache(job.id).getJson("primes")).toBe(primes);
});

it("takes its flags, and refuses others", () => {
  expect(parseOptions(["--concurrency", "8", "--cluster=gpu"])).toEqual({ concurrency: 8, cluster: "gpu" });
  expect(parseOptions([])).toEqual({ concurrency: 2 });
  expect(() => parseOptions(["--concurency", "8"])).toThrow("--concurency");
});
