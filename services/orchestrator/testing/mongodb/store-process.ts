// A process with a store, to be killed or to end by itself. Its only argument is a `Script` as JSON; it sends the parent a word when it has got there.
import { openMongoStore } from "../../store/mongodb/index.ts";
import { aJob } from "../records.ts";

/** What such a process does. */
export interface Script {
  readonly uri: string;
  readonly database: string;
  /**
   * - `hold`: writes the job as open groups 1 and waits for ever before the commit
   * - `close`: writes, listens to others, and closes when the parent says so
   */
  readonly deed: "hold" | "close";
  readonly jobId: string;
  readonly beatMs: number;
  readonly patienceMs: number;
}

const { deed, jobId, ...options } = JSON.parse(process.argv[2] ?? "") as Script;
const store = await openMongoStore(options);

if (deed === "hold") {
  await store.transact(async (tx) => {
    const [job] = await tx.loadJobs([jobId]);
    if (job === undefined) throw new Error(`there is no job ${jobId}`);
    await tx.write({ updateJobs: [{ ...job, openGroups: 1 }] });
    // What was written is sent before it is read.
    await tx.loadJobsByIdempotencyKey(["some key"]);
    process.send?.("holding");
    await new Promise(() => {});
  });
} else {
  const woken = Promise.withResolvers<void>();
  store.onWakeup(() => woken.resolve());
  await woken.promise;
  await store.transact((tx) => tx.write({ insertJobs: [aJob()] }));
  process.once("message", async () => {
    await store.close();
    process.disconnect();
  });
  process.send?.("open");
}
