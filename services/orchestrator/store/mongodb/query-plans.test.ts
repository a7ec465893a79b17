import { MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import { freshDatabaseName } from "../../../../scripts/mongodb/fresh-database-name.ts";
import { HOT_QUERIES } from "../../testing/mongodb/hot-queries.ts";
import { BAD_STAGES, PlanLab } from "../../testing/mongodb/plan-lab.ts";

/** The benchmark does the same with a hundred times as many. */
const FINISHED = 10_000;
const QUEUED = 1_000;
/** Rows that a query may look at for each one that it returns, and some for finding the places. */
const PER_ROW = 3;
const EXTRA = 16;

describeWithMongo("plans of MongoDB", (uri) => {
  const database = freshDatabaseName();
  let lab: PlanLab;

  beforeAll(async () => {
    lab = await PlanLab.open({ uri, database, finished: FINISHED, queued: QUEUED });
  });

  afterAll(async () => {
    await lab[Symbol.asyncDispose]();
    await using client = await MongoClient.connect(uri);
    await client.db(database).dropDatabase();
  });

  it.each(Object.entries(HOT_QUERIES))(
    "%s is found by an index, without sorting, and looks at little more than it returns",
    async (_name, query) => {
      for (const plan of await lab.plansOf(query)) {
        expect(plan.stages.filter((stage) => BAD_STAGES.includes(stage))).toEqual([]);
        expect(plan.examined).toBeLessThanOrEqual(plan.returned * PER_ROW + EXTRA);
      }
    },
  );
});
