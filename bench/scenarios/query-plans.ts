import { HOT_QUERIES } from "../../services/orchestrator/testing/mongodb/hot-queries.ts";
import { BAD_STAGES, PlanLab } from "../../services/orchestrator/testing/mongodb/plan-lab.ts";
import { shortCount } from "../figures.ts";
import type { Scenario } from "../harness/bench.ts";
import { mongoOf } from "../harness/store.ts";

const FINISHED = 1_000_000;
const QUEUED = 100_000;
/** In `--quick`. */
const PART = 0.1;
/** Rows that a query may look at for each one that it returns. */
const MOST_PER_ROW = 3;
/** Rows that every query may look at, to find its place: they are left out, so that one that returns nothing has a ratio too. */
const FREE = 16;

/** What the server says about the queries of an orchestrator (explain) when its database holds many tasks. */
export const queryPlans: Scenario = async function* (bench) {
  const [finished, queued] = [FINISHED, QUEUED].map((count) => (bench.quick ? count * PART : count)) as [
    number,
    number,
  ];
  const total = (finished + queued).toLocaleString("en");
  await using lab = await PlanLab.open({
    ...mongoOf(await bench.openDatabase("query-plans")),
    finished,
    queued,
    onStored: (count) => bench.say(`${count.toLocaleString("en")} of ${total} tasks stored`),
  });
  let worst = 0;
  const bad: string[] = [];
  for (const [name, query] of Object.entries(HOT_QUERIES)) {
    bench.say(name);
    for (const { stages, returned, examined } of await lab.plansOf(query)) {
      const ratio = Math.max(0, examined - FREE) / Math.max(1, returned);
      worst = Math.max(worst, ratio);
      if (stages.some((stage) => BAD_STAGES.includes(stage))) bad.push(name);
    }
  }
  const name = `query_plans_${shortCount(finished + queued)}`;
  yield { name: `${name}_worst`, value: worst, unit: "examined/returned", target: { atMost: MOST_PER_ROW } };
  yield { name: `${name}_bad`, value: bad.length, unit: "scans and sorts", target: { atMost: 0 } };
};
