import { BatchLab } from "../../services/orchestrator/testing/mongodb/batch-lab.ts";
import { BATCH_SHAPES } from "../../services/orchestrator/testing/mongodb/batch-shapes.ts";
import type { Scenario } from "../harness/bench.ts";
import { mongoOf } from "../harness/store.ts";

const MOST_ROUND_TRIPS = 12;

/** One batch of 200 outcomes and 200 claims, by shape of job: the engine in this process, on a database of its own for each. */
export const batch: Scenario = async function* (bench) {
  for (const [shape, run] of Object.entries(BATCH_SHAPES)) {
    bench.say(shape);
    await using database = await bench.openDatabase(shape);
    await using lab = await BatchLab.open(mongoOf(database));
    const { roundTrips } = await run(lab);
    const name = `batch_${shape.replaceAll(/\W+/g, "_")}`;
    yield { name, value: roundTrips.length, unit: "round trips/batch of 200", target: { atMost: MOST_ROUND_TRIPS } };
  }
};
