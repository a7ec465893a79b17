import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeWithMongo } from "../../../../scripts/mongodb/describe-with-mongo.ts";
import { type MongoSteps, openMongoSteps } from "../../testing/mongo-steps.ts";
import { aCluster, aSession } from "../../testing/records.ts";
import { ClusterTable } from "./clusters.ts";
import { failureOf } from "./errors.ts";
import { QueueTable } from "./queues.ts";
import { SessionTable } from "./sessions.ts";
import type { Step } from "./step.ts";

describeWithMongo("deletion of a cluster from MongoDB", (uri) => {
  let mongo: MongoSteps;

  beforeAll(async () => {
    mongo = await openMongoSteps(uri);
  });

  afterAll(async () => {
    await mongo[Symbol.asyncDispose]();
  });

  /** A cluster with one queue, in which slot 0 has numbers. */
  async function insertCluster() {
    const cluster = aCluster();
    const queueId = await mongo.step(async (step) => {
      new ClusterTable(step).put([cluster]);
      const queues = new QueueTable(step, new Set());
      const [queue] = await queues.intern([{ cluster: cluster.slug, name: "Task", major: 0, minor: 0 }]);
      const id = queue?.id ?? 0;
      queues.add([{ queueId: id, queued: 1, running: 0 }]);
      return id;
    });
    return { cluster, queueId };
  }

  type Use = (step: Step, slug: string, queueId: number) => Promise<void> | void;

  const USES: Readonly<Record<string, Use>> = {
    "a new session": (step, cluster) => new SessionTable(step).put([aSession({ cluster })]),
    "a new queue": async (step, cluster) => {
      await new QueueTable(step, new Set()).intern([{ cluster, name: "Task", major: 0, minor: 1 }]);
    },
    "the first tasks of a process in a queue": (step, _, queueId) =>
      new QueueTable(step, new Set()).add([{ queueId, queued: 1, running: 0 }]),
    "more tasks of a process in a queue": (step, _, queueId) => {
      step.update(step.rows.queue_count, { _id: `${queueId}/0` }, { $inc: { queued: 1, rev: 1 } });
    },
    "another description": (step, slug) => new ClusterTable(step).put([aCluster({ slug, description: "other" })]),
  };

  describe.each(Object.entries(USES))("and %s", (_, use) => {
    const conflict = (error: unknown) => failureOf(error) === "conflict";

    test("at the same time: one of the two is run again", async () => {
      const early = await insertCluster();
      const deletion = mongo.collide(
        (step) => use(step, early.cluster.slug, early.queueId),
        (step) => new ClusterTable(step).delete([early.cluster.slug]),
      );
      await expect(deletion).rejects.toSatisfy(conflict);
      const late = await insertCluster();
      const later = mongo.collide(
        (step) => new ClusterTable(step).delete([late.cluster.slug]),
        (step) => use(step, late.cluster.slug, late.queueId),
      );
      await expect(later).rejects.toSatisfy(conflict);
    });
  });
});
