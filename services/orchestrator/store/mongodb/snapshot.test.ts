import { ClientSession, MongoNetworkError, MongoServerError } from "mongodb";
import { afterEach, expect, test, vi } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import { openSeveralStores } from "../../testing/mongodb/several-stores.ts";
import { aJob } from "../../testing/records.ts";

describeWithMongo("a read of one moment whose commit fails", (uri) => {
  afterEach(() => vi.restoreAllMocks());

  /** The next commit is carried out, and then fails like that: sockets do not let themselves be asked to throw. */
  function failNextCommit(error: Error, meanwhile: () => Promise<unknown>) {
    const commit = ClientSession.prototype.commitTransaction;
    const spy = vi.spyOn(ClientSession.prototype, "commitTransaction");
    return spy.mockImplementationOnce(async function (this: ClientSession) {
      await commit.call(this);
      await meanwhile();
      throw error;
    });
  }

  const thrownBySocket = { code: "ECONNRESET", errno: -104, syscall: "write" };
  const gone = { message: "NoSuchTransaction", code: 251, errorLabels: ["TransientTransactionError"] };

  test.each([
    ["by what a socket throws", Object.assign(new Error("write ECONNRESET"), thrownBySocket)],
    ["since the other side has closed", Object.assign(new Error("ended by the other party"), { code: "EPIPE" })],
    ["by what a socket throws, over which the driver trips", new TypeError("error.hasErrorLabel is not a function")],
    ["by a broken connection", new MongoNetworkError("broken")],
    ["since the server knows nothing of it any more", new MongoServerError(gone)],
  ])("%s: all is read again, from where it began", async (_, error) => {
    await using several = await openSeveralStores(uri, 1);
    const store = several.any;
    const job = aJob();
    const entry = (taskId: string) => ({
      jobId: job.id,
      job,
      tasks: [{ taskId, state: "QUEUED", attempt: 0 } as const],
    });
    await store.transact((tx) => tx.write({ insertJobs: [job], appendChanges: [entry("before")] }));
    failNextCommit(error, () => store.transact((tx) => tx.write({ appendChanges: [entry("meanwhile")] })));
    const read = await store.listChanges(job.id, null, 10);
    expect(read.flatMap(({ tasks }) => tasks.map(({ taskId }) => taskId))).toEqual(["before", "meanwhile"]);
    expect(await store.listChanges(job.id, read.at(-1)?.position ?? null, 10)).toEqual([]);
  });
});
