import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../domain/limits.ts";
import { parseJob } from "../domain/validate.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { aJob } from "../testing/submissions.ts";
import { deferred } from "./commands.ts";
import { Committer } from "./committer.ts";
import { Dispatcher } from "./dispatcher.ts";
import { createIds } from "./ids.ts";
import { SILENT_OBSERVER } from "./observer.ts";
import { QueueRegistry } from "./queue-registry.ts";
import { DEFAULT_SETTINGS, type EngineOptions } from "./settings.ts";

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

describe("an error behind a commit", () => {
  it("is let out, and what was committed does not run again", async () => {
    const store = openSqliteStore({ file: null });
    const clock = createManualClock();
    const queues = new QueueRegistry();
    const options: EngineOptions = {
      store,
      clock,
      limits: DEFAULT_LIMITS,
      settings: DEFAULT_SETTINGS,
      ids: createIds(clock.now),
      random: () => 0,
      observer: SILENT_OBSERVER,
      logger: silent,
    };
    const bug = new Error("a bug");
    let calls = 0;
    const committer = new Committer(options, queues, new Dispatcher(queues), {
      committed: () => {
        calls++;
        throw bug;
      },
      sessionFailed: () => {},
    });
    const submission = aJob();
    const tasks = parseJob(submission, DEFAULT_LIMITS);
    if (!tasks.ok) throw new Error(tasks.rejection.message);
    await store.transact((tx) =>
      tx.write({ putClusters: [{ slug: "default", displayName: "Default", description: "", createdAt: 0 }] }),
    );
    const prepared = { submission, tasks: tasks.value };
    for (const { reply } of [deferred<never>(), deferred<never>()]) committer.add({ kind: "submit", prepared, reply });
    await expect(committer.stop()).rejects.toBe(bug);
    expect(calls).toBe(1);
    const filter = { states: [], nameContains: "", submittedFrom: null, submittedUntil: null, cluster: null };
    expect((await store.listJobs(filter, { limit: 10, after: null })).items).toHaveLength(2);
    await store.close();
  });
});
