import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { Link, type LinkMode } from "../../../../faults/proxy.ts";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import { openSeveralStores } from "../../testing/mongodb/several-stores.ts";
import type { Script } from "../../testing/mongodb/store-process.ts";
import { portOf, through } from "../../testing/mongodb/through-proxy.ts";
import { aJob } from "../../testing/records.ts";

const PROGRAM = join(import.meta.dirname, "../../testing/mongodb/store-process.ts");
/** A busy machine needs more than half a second to connect. */
const TIMES = "serverSelectionTimeoutMS=1000&connectTimeoutMS=1000&socketTimeoutMS=1500";

/** Starts a process with a store; resolves when it says that it got there. */
async function startProcess(script: Script): Promise<ChildProcess & AsyncDisposable> {
  const child = fork(PROGRAM, [JSON.stringify(script)]);
  const ended = once(child, "exit");
  const first = await Promise.race([once(child, "message"), ended]);
  if (child.exitCode !== null) throw new Error(`the process ended: ${first}`);
  return Object.assign(child, {
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
    },
  });
}

describeWithMongo("a process with a store", (uri) => {
  test.concurrent("that is killed in the middle of a step is in nobody's way until it counts as dead", async () => {
    const beatMs = 2_000;
    await using several = await openSeveralStores(uri, 1, { beatMs });
    const job = aJob();
    await several.any.transact((tx) => tx.write({ insertJobs: [job] }));
    const { database } = several;
    await using dying = await startProcess({ uri, database, deed: "hold", jobId: job.id, beatMs, patienceMs: 5_000 });
    dying.kill("SIGKILL");
    await once(dying, "exit");
    const begun = performance.now();
    let runs = 0;
    await several.any.transact(async (tx) => {
      runs++;
      await tx.write({ updateJobs: [{ ...job, openGroups: 2 }] });
    });
    // It would when five beats were missed; the server by itself would end what was left open after a minute.
    expect(performance.now() - begun).toBeLessThan(4 * beatMs);
    expect(runs).toBeGreaterThan(1);
    expect(await several.any.job(job.id)).toMatchObject({ openGroups: 2 });
  });

  test.concurrent("that lives may take its time for a step", async () => {
    const beatMs = 100;
    await using several = await openSeveralStores(uri, 2, { beatMs });
    const [slow, other] = several.stores;
    const job = aJob();
    await several.any.transact((tx) => tx.write({ insertJobs: [job] }));
    let runs = 0;
    const beat = async () => (await several.rows.beat.findOne({ _id: 0 }))?.at.getTime() ?? 0;
    await slow?.transact(async (tx) => {
      runs++;
      await tx.write({ updateJobs: [{ ...job, openGroups: 1 }] });
      await tx.loadJobsByIdempotencyKey(["some key"]);
      const begun = await beat();
      await vi.waitFor(async () => expect(await beat()).toBeGreaterThan(begun + 15 * beatMs), { timeout: 10_000 });
    });
    expect(runs).toBe(1);
    expect(await other?.job(job.id)).toMatchObject({ openGroups: 1 });
  });

  test.concurrent.each<LinkMode>([{ kind: "normal" }, { kind: "black-hole" }, { kind: "reset" }])(
    "ends by itself when its store is closed, and the database is $kind",
    async (mode) => {
      await using several = await openSeveralStores(uri, 0);
      const link = await Link.open();
      link.setTarget(portOf(uri));
      await using child = await startProcess({
        uri: through(link.port, uri, TIMES),
        database: several.database,
        deed: "close",
        jobId: "",
        beatMs: 50,
        patienceMs: 500,
      });
      const ended = once(child, "exit");
      link.setMode(mode);
      const begun = performance.now();
      child.send("close");
      expect(await ended).toEqual([0, null]);
      expect(performance.now() - begun).toBeLessThan(8_000);
      await link.close();
    },
  );
});
