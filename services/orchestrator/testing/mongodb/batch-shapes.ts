import type { LeaseRef } from "../../engine/api.ts";
import { aSet, type GroupShape } from "../submissions.ts";
import { computed } from "../test-runner.ts";
import { BATCH_SIZE, type BatchLab, type MeasuredBatch } from "./batch-lab.ts";

/**
 * Jobs in which one batch settles `BATCH_SIZE` tasks and claims as many. Each makes itself ready on an empty database and resolves with that
 * batch.
 */
export const BATCH_SHAPES: Readonly<Record<string, (lab: BatchLab) => Promise<MeasuredBatch>>> = {
  async "a flat fan-out"(lab) {
    const root = await claimRoot(lab);
    const first = await lab.batch([computed(root, aSet(many(3 * BATCH_SIZE)))]);
    return lab.settle(first.granted);
  },

  async "jobs of one task"(lab) {
    await lab.submit(Array.from({ length: 2 * BATCH_SIZE }, (_, index) => ({ name: `job ${index}` })));
    return lab.settle((await lab.claim(BATCH_SIZE)).granted);
  },

  async "an optional branch"(lab) {
    const root = await claimRoot(lab);
    const branch = await lab.batch([computed(root, aSet({ tasks: ["branch"], optional: true }))], 1);
    const first = await lab.batch([computed(only(branch.granted), aSet(many(3 * BATCH_SIZE)))]);
    return lab.settle(first.granted);
  },

  async "a group and one that waits"(lab) {
    const root = await claimRoot(lab);
    const groups = [many(BATCH_SIZE), { ...many(BATCH_SIZE), dependsOn: [0] }, { ...many(1), dependsOn: [1] }];
    const first = await lab.batch([computed(root, aSet(...groups))]);
    return lab.settle(first.granted);
  },

  async "tasks that split"(lab) {
    const root = await claimRoot(lab);
    const first = await lab.batch([computed(root, aSet(many(BATCH_SIZE)))]);
    return lab.batch(first.granted.map((lease) => computed(lease, aSet("left", "right"))));
  },

  async "only children"(lab) {
    await lab.submit(Array.from({ length: 2 * BATCH_SIZE }, (_, index) => ({ name: `job ${index}` })));
    const roots = (await lab.claim(BATCH_SIZE)).granted;
    // Deeper tasks come first within a job, older jobs before younger ones: so these are granted their children.
    const children = await lab.batch(roots.map((lease) => computed(lease, aSet("child"))));
    return lab.settle(children.granted);
  },
};

async function claimRoot(lab: BatchLab): Promise<LeaseRef> {
  await lab.submit([{}]);
  return only((await lab.claim(1)).granted);
}

function only([lease]: readonly LeaseRef[]): LeaseRef {
  if (lease === undefined) throw new Error("nothing was granted");
  return lease;
}

function many(count: number): GroupShape {
  return { tasks: Array.from({ length: count }, (_, index) => `task ${index}`) };
}
