import { expect, it } from "vitest";
import { EngineHarness } from "../testing/engine-harness.ts";

const HOUR_MS = 3_600_000;
/** More than one chunk. */
const LARGE = new Uint8Array(400_000);

it("an upload to which nothing is added for an hour is given up, and what comes then is refused", async () => {
  await using harness = await EngineHarness.start();
  const { job } = await harness.submit();
  const begin = async (key: string) => {
    const upload = await harness.engine.putCacheValue({ jobId: job.id, key, writer: null });
    if (!upload.ok) throw new Error("refused");
    expect(await upload.value.append(LARGE)).toMatchObject({ ok: true });
    return upload.value;
  };
  const [slow, abandoned] = [await begin("slow"), await begin("abandoned")];
  for (let halves = 0; halves < 4; halves++) {
    harness.clock.advance(HOUR_MS / 2);
    await harness.settle();
    expect(await slow.append(LARGE)).toMatchObject({ ok: true });
  }
  const refused = { ok: false, rejection: { reason: "UNAVAILABLE" } };
  expect(await abandoned.append(LARGE)).toMatchObject(refused);
  expect(await abandoned.finish()).toMatchObject(refused);
  expect(await slow.finish()).toMatchObject({ ok: true, value: { size: LARGE.length * 5 } });
  expect(await harness.engine.reads.cacheValue(job.id, "abandoned")).toBeNull();
});
