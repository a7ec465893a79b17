import { BATCH_SIZE, BatchLab } from "../../services/orchestrator/testing/mongodb/batch-lab.ts";
import { aSet } from "../../services/orchestrator/testing/submissions.ts";
import { type Figure, median } from "../figures.ts";
import { BareMongo } from "../harness/bare-mongo.ts";
import type { Scenario } from "../harness/bench.ts";
import { mongoOf } from "../harness/store.ts";

/** Tasks of one job, which are stored in one transaction. */
const PER_JOB = 1_000;
const WARM_UPS = 3;
/** At the same time, as many as there are orchestrators in the scenario `replicas`. */
const CLIENTS = [1, 2, 3];
/** For each of them in one round. */
const TRANSACTIONS = 10;

/**
 * How fast the server itself is, and how much of our time is ours: one batch of 200 outcomes and 200 claims, and the submission of 1,000 tasks, by the
 * engine in this process and bare, in turns on two databases with the same tasks. And what the server makes of several clients at the same time, each of
 * which changes tasks that are nobody else's and waits for nothing but the server.
 */
export const bare: Scenario = async function* (bench) {
  const rounds = bench.quick ? 5 : 15;
  const queued = BATCH_SIZE * (WARM_UPS + rounds + 1);
  await using ours = await BatchLab.open(mongoOf(await bench.openDatabase("bare-ours")));
  await using bareMongo = await BareMongo.open(mongoOf(await bench.openDatabase("bare")), queued, BATCH_SIZE);
  await ours.submit(Array.from({ length: Math.ceil(queued / PER_JOB) }, () => ({ tasks: someTasks() })));
  const times = { batch: newTimes(), insert: newTimes(), find: [] as number[] };
  let { granted } = await ours.claim(BATCH_SIZE);
  await bareMongo.batch();
  for (let round = -WARM_UPS; round < rounds; round++) {
    bench.say(round < 0 ? "warming up" : `round ${round + 1} of ${rounds}`);
    const batch = await ours.settle(granted);
    granted = batch.granted;
    const bareMs = await bareMongo.batch();
    const findMs = await bareMongo.sortedFind();
    if (round < 0) continue;
    times.batch.ours.push(batch.durationMs);
    times.batch.bare.push(bareMs);
    times.find.push(findMs);
  }
  for (let round = -WARM_UPS; round < rounds; round++) {
    const startMs = performance.now();
    await ours.submit([{ tasks: someTasks() }]);
    const oursMs = performance.now() - startMs;
    const bareMs = await bareMongo.insert(PER_JOB);
    if (round < 0) continue;
    times.insert.ours.push(oursMs);
    times.insert.bare.push(bareMs);
  }
  const rates = new Map(CLIENTS.map((clients) => [clients, [] as number[]]));
  for (let round = -WARM_UPS; round < rounds; round++) {
    for (const [clients, list] of rates) {
      const rate = await bareMongo.together(clients, TRANSACTIONS);
      if (round >= 0) list.push(rate);
    }
  }
  yield { name: "bare_sorted_find_200", value: median(times.find), unit: "ms" };
  yield* compareClients(rates);
  yield* compare("batch_200", times.batch);
  yield* compare("submit_1k", times.insert);
};

function* compareClients(rates: ReadonlyMap<number, readonly number[]>): Generator<Figure> {
  const alone = rates.get(1) ?? [];
  for (const [clients, list] of rates) {
    yield { name: `bare_update_${BATCH_SIZE}_by_${clients}`, value: median(list), unit: "transactions/s" };
    const ratios = list.map((rate, round) => rate / (alone[round] ?? Number.NaN));
    if (clients > 1)
      yield { name: `bare_update_${BATCH_SIZE}_by_${clients}_ratio`, value: median(ratios), unit: "× one" };
  }
}

/** Milliseconds, round by round. */
interface Times {
  readonly ours: number[];
  readonly bare: number[];
}

function newTimes(): Times {
  return { ours: [], bare: [] };
}

function* compare(name: string, { ours, bare }: Times): Generator<Figure> {
  yield { name: `bare_${name}`, value: median(bare), unit: "ms" };
  yield { name: `ours_${name}`, value: median(ours), unit: "ms" };
  const ratios = ours.map((time, round) => time / (bare[round] ?? Number.NaN));
  yield { name: `ours_${name}_ratio`, value: median(ratios), unit: "× bare" };
}

function someTasks() {
  return aSet({ tasks: Array.from({ length: PER_JOB }, (_, index) => `task ${index}`) });
}
