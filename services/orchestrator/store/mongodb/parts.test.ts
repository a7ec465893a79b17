import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import { type MongoSteps, openMongoSteps } from "../../testing/mongo-steps.ts";
import { PartTable } from "./parts.ts";

const MIB = 1024 * 1024;

describeWithMongo("parts in MongoDB", (uri) => {
  let mongo: MongoSteps;

  beforeAll(async () => {
    mongo = await openMongoSteps(uri);
  });

  afterAll(async () => {
    await mongo[Symbol.asyncDispose]();
  });

  test.each([8 * MIB, 8 * MIB + 1, 17 * MIB])("may be larger than a row can be: %i bytes", async (size) => {
    const payload = randomBytes(size);
    const part = { taskId: "task", leaseToken: "token", number: 1, summary: "text", payload };
    const small = { ...part, number: 2, payload: new Uint8Array() };
    await mongo.step((step) => new PartTable(step).put([part, small]));
    await mongo.step(async (step) => {
      const table = new PartTable(step);
      const headers = await table.staged("task", "token");
      expect(headers).toEqual(
        [1, 2].map((number) => ({ taskId: "task", leaseToken: "token", number, summary: "text" })),
      );
      const loaded = await table.payload("task", "token", 1);
      expect(loaded !== null && payload.equals(loaded)).toBe(true);
      expect((await table.payload("task", "token", 2))?.length).toBe(0);
      table.delete([{ taskId: "task", leaseToken: "token", number: 1 }]);
      expect(await table.payload("task", "token", 1)).toBeNull();
      table.delete([{ taskId: "task", leaseToken: "token" }]);
    });
    expect(await mongo.connection.rows.part.countDocuments()).toBe(0);
  });

  test("a large one is left as it is by one that is sent again, whatever the sizes", async () => {
    const part = (size: number) => {
      return { taskId: "again", leaseToken: "token", number: 1, summary: "", payload: randomBytes(size) };
    };
    const [first, smaller, larger] = [part(9 * MIB), part(1), part(20 * MIB)];
    for (const one of [first, smaller, larger]) await mongo.step((step) => new PartTable(step).put([one]));
    const loaded = await mongo.step((step) => new PartTable(step).payload("again", "token", 1));
    expect(loaded !== null && first.payload.equals(loaded)).toBe(true);
  });
});
