import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import type { WorkItem } from "../../domain/records.ts";
import { type MongoSteps, openMongoSteps } from "../../testing/mongo-steps.ts";
import { anId, aSession } from "../../testing/records.ts";
import { CacheTable } from "./cache-values.ts";
import { NEGLECT_MS } from "./keeper.ts";
import { SESSION_NEGLECT_MS, SessionTable } from "./sessions.ts";
import { WorkTable } from "./work.ts";

const OWN = 3;
const OTHER = 4;

describeWithMongo("what time brings up, on several processes", (uri) => {
  let mongo: MongoSteps;

  beforeAll(async () => {
    mongo = await openMongoSteps(uri);
  });

  afterAll(async () => {
    await mongo[Symbol.asyncDispose]();
  });

  /** Sees at `due` only what it keeps; the other process sees the same when it has been neglected. */
  async function expectKept(
    due: number,
    id: string,
    find: (slot: number, now: number) => Promise<string[]>,
    neglectMs = NEGLECT_MS,
  ) {
    expect(await find(OWN, due - 1)).not.toContain(id);
    expect(await find(OWN, due)).toContain(id);
    expect(await find(OTHER, due + neglectMs - 1)).not.toContain(id);
    expect(await find(OTHER, due + neglectMs)).toContain(id);
  }

  const expired = (slot: number, now: number) =>
    mongo.step(async (step) => (await new SessionTable(step).expired(now, 100)).map(({ id }) => id), slot);

  test("an expired session is its keeper's, and everybody's once it is neglected", async () => {
    const session = aSession({ expiresAt: 10_000 });
    await mongo.step((step) => new SessionTable(step).put([session]), OWN);
    await expectKept(10_000, session.id, expired, SESSION_NEGLECT_MS);
  });

  test("whoever extends a session keeps it", async () => {
    const session = aSession({ expiresAt: 20_000 });
    await mongo.step((step) => new SessionTable(step).put([session]), OTHER);
    const extension = { id: session.id, epoch: session.epoch, expiresAt: 30_000 };
    await mongo.step((step) => new SessionTable(step).extend([extension]), OWN);
    await expectKept(30_000, session.id, expired, SESSION_NEGLECT_MS);
  });

  test("an upload that was left behind", async () => {
    const valueId = anId("value");
    const upload = { valueId, jobId: "job", startedAt: 10_000 };
    await mongo.step((step) => new CacheTable(step).begin([upload]), OWN);
    // One that has begun at `before` is not yet abandoned then.
    await expectKept(10_001, valueId, (slot, now) =>
      mongo.step((step) => new CacheTable(step).abandoned(now, 100), slot),
    );
  });

  test("background work is done by whoever stored it, and by everybody once it is neglected", async () => {
    const item: WorkItem = { id: anId("work"), kind: "skip", jobId: "job", targetId: "task", cursor: null };
    const touchedAt = 50_000;
    await mongo.step((step) => new WorkTable(step, () => touchedAt).put([item]), OWN);
    const oldest = (slot: number, now: number) =>
      mongo.step((step) => new WorkTable(step, Date.now).oldest(10, now), slot);
    // Work that was stored in one go is numbered into the time to come.
    expect(await oldest(OWN, touchedAt - 1_000)).toEqual([item]);
    expect(await oldest(OTHER, touchedAt + NEGLECT_MS - 1)).toEqual([]);
    expect(await oldest(OTHER, touchedAt + NEGLECT_MS)).toEqual([item]);
    await mongo.step((step) => new WorkTable(step, () => touchedAt + NEGLECT_MS).put([item]), OTHER);
    expect(await oldest(OWN, touchedAt + NEGLECT_MS)).toEqual([]);
  });
});
