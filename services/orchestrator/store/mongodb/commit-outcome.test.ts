import { ClientSession } from "mongodb";
import { afterEach, expect, test, vi } from "vitest";
import { describeWithMongo, describeWithOwnMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import { type CommandFault, CommandProxy } from "../../testing/mongodb/command-proxy.ts";
import { openSeveralStores, type SeveralStores } from "../../testing/mongodb/several-stores.ts";
import { aJob, aTask } from "../../testing/records.ts";
import type { Store } from "../store.ts";

const NO_BYTES = new Uint8Array();

/** Counts something up in steps, and knows what must be in the database after each. */
class Counter {
  readonly #store: Store;
  readonly #several: SeveralStores;
  readonly #taskId: string;
  #count = 0;

  private constructor(store: Store, several: SeveralStores, taskId: string) {
    this.#store = store;
    this.#several = several;
    this.#taskId = taskId;
  }

  static async begin(store: Store, several: SeveralStores): Promise<Counter> {
    const job = aJob();
    const task = aTask({ jobId: job.id, attempt: 0 });
    await store.transact((tx) => tx.write({ insertJobs: [job], insertTasks: [{ task, input: NO_BYTES }] }));
    return new Counter(store, several, task.id);
  }

  /** One step, which must be there once when it says so, and else not at all. Returns how often its body has run. */
  async step(): Promise<number> {
    let runs = 0;
    const job = aJob();
    const [done] = await Promise.allSettled([
      this.#store.transact(async (tx) => {
        runs++;
        const [task] = await tx.loadTasks([this.#taskId]);
        if (task === undefined) throw new Error("the task is gone");
        await tx.write({ insertJobs: [job], updateTasks: [{ ...task, attempt: task.attempt + 1 }] });
      }),
    ]);
    if (done?.status === "fulfilled") this.#count++;
    const { rows } = this.#several;
    expect((await rows.task.findOne({ _id: this.#taskId }))?.attempt).toBe(this.#count);
    expect(await rows.job.countDocuments({ _id: job.id })).toBe(done?.status === "fulfilled" ? 1 : 0);
    if (done?.status === "rejected") throw done.reason;
    return runs;
  }
}

describeWithMongo("a commit whose answer does not arrive", (uri) => {
  /** The driver sends a commit twice; more faults than that are left to the store. */
  const CASES: readonly { readonly faults: readonly CommandFault[]; readonly runs: number }[] = [
    { faults: ["lose-request"], runs: 1 },
    { faults: ["lose-answer"], runs: 1 },
    { faults: ["lose-request", "lose-request"], runs: 2 },
    { faults: ["lose-answer", "lose-answer"], runs: 1 },
    { faults: ["lose-request", "lose-answer"], runs: 1 },
    { faults: ["lose-request", "lose-request", "lose-request", "lose-request"], runs: 3 },
    { faults: ["lose-request", "lose-request", "lose-answer", "lose-answer"], runs: 2 },
    { faults: ["swallow-request"], runs: 1 },
    { faults: ["swallow-answer"], runs: 1 },
    { faults: ["swallow-request", "swallow-request"], runs: 2 },
    { faults: ["swallow-answer", "swallow-answer"], runs: 1 },
  ];

  test.concurrent.each(CASES)("$faults: the step is there once, after $runs runs", async ({ faults, runs }) => {
    await using proxy = await CommandProxy.open(uri);
    await using several = await openSeveralStores(uri, 0);
    // Nothing but what is swallowed may go without an answer for so long, on a busy machine either: each would be one more run.
    const store = await several.open({ uri: `${proxy.uri}&socketTimeoutMS=2000`, patienceMs: 20_000 });
    const counter = await Counter.begin(store, several);
    proxy.faults = [...faults];
    expect(await counter.step()).toBe(runs);
    expect(proxy.faults).toEqual([]);
    expect(await counter.step()).toBe(1);
  });
});

describeWithMongo("a commit whose socket throws", (uri) => {
  afterEach(() => vi.restoreAllMocks());

  test.each([
    { becomes: "was carried out", isDone: true, runs: 1 },
    { becomes: "was not carried out", isDone: false, runs: 2 },
  ])("when it $becomes: the step is there once, after $runs run(s)", async ({ isDone, runs }) => {
    await using several = await openSeveralStores(uri, 1);
    const counter = await Counter.begin(several.any, several);
    const commit = ClientSession.prototype.commitTransaction;
    vi.spyOn(ClientSession.prototype, "commitTransaction").mockImplementationOnce(async function (this: ClientSession) {
      if (isDone) await commit.call(this);
      // What the driver makes of what the socket throws.
      throw new TypeError("error.hasErrorLabel is not a function");
    });
    expect(await counter.step()).toBe(runs);
    expect(await counter.step()).toBe(1);
  });
});

describeWithOwnMongo("a commit during which the server is killed", (start) => {
  test.concurrent.each<{ fault: CommandFault; runs: number }>([
    { fault: "lose-request", runs: 2 },
    { fault: "lose-answer", runs: 1 },
  ])("$fault: the step is there once, after $runs runs", async ({ fault, runs }) => {
    await using server = await start();
    await using proxy = await CommandProxy.open(server.uri);
    await using several = await openSeveralStores(server.uri, 0);
    const store = await several.open({ uri: proxy.uri });
    const counter = await Counter.begin(store, several);
    proxy.faults = [fault];
    proxy.onFault = async () => {
      await server.restart();
    };
    expect(await counter.step()).toBe(runs);
    expect(await counter.step()).toBe(1);
  });
});
