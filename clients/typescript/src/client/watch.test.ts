import { describe, expect, it, vi } from "vitest";
import { namedTask } from "../task.ts";
import { startTestServer } from "../testing/index.ts";
import { Client } from "./client.ts";

describe("a watch", () => {
  it("ends with the signal's reason, also while it waits before it connects again", async () => {
    // The longest waits that there are.
    using _random = vi.spyOn(Math, "random").mockReturnValue(0.999);
    await using server = await startTestServer();
    using client = new Client({ address: server.address });
    const job = await client.jobs.submit("job", namedTask(["Nobody", "v1.0"]));
    const controller = new AbortController();
    const reason = new Error("enough");
    const first = Promise.withResolvers<void>();
    const watching = (async () => {
      for await (const _update of client.jobs.watch(job.id, { signal: controller.signal })) first.resolve();
    })();
    await first.promise;
    await server.stop();
    controller.abort(reason);
    await expect(watching).rejects.toBe(reason);
  });
});
