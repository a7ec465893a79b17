import { MongoClient } from "mongodb";
import { afterEach, describe, expect, it } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import { freshDatabaseName } from "../../../../scripts/mongodb/fresh-database-name.ts";
import { BATCH_SIZE, BatchLab } from "../../testing/mongodb/batch-lab.ts";
import { BATCH_SHAPES } from "../../testing/mongodb/batch-shapes.ts";

/** Commands that one batch of 200 outcomes and 200 claims may send, its commit included. */
const MOST_ROUND_TRIPS = 12;

describeWithMongo("round trips of one batch to MongoDB", (uri) => {
  const database = freshDatabaseName();

  afterEach(async () => {
    await using client = await MongoClient.connect(uri);
    await client.db(database).dropDatabase();
  });

  describe.each([
    ["alone", {}],
    ["with counters that are divided among processes", { divideFrom: 1 }],
  ])("%s", (_name, options) => {
    it.each(Object.entries(BATCH_SHAPES))("are few for %s", async (_shape, run) => {
      await using lab = await BatchLab.open({ uri, database, ...options });
      const { settled, granted, roundTrips } = await run(lab);
      expect({ settled, claimed: granted.length }).toEqual({ settled: BATCH_SIZE, claimed: BATCH_SIZE });
      expect(roundTrips.at(-1)).toBe("commitTransaction");
      expect(roundTrips.length, roundTrips.join(", ")).toBeLessThanOrEqual(MOST_ROUND_TRIPS);
    });
  });
});
