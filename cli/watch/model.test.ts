import fc from "fast-check";
import type { TaskChange, TaskState } from "taskgrove";
import { describe, expect, it } from "vitest";
import { taskStates } from "../format/states.ts";
import { added, aJob, moved } from "../testing/samples.ts";
import { addCounts, type Counts, countAll, noCounts } from "./counts.ts";
import { DEPTH_LIMIT, JobModel, ownCounts, SIBLING_LIMIT, type TreeNode } from "./model.ts";

function modelOf(changes: readonly TaskChange[]): JobModel {
  const model = new JobModel(aJob());
  model.apply({ resumeToken: "", job: undefined, tasks: changes });
  return model;
}

function* nodesOf(model: JobModel): Generator<TreeNode> {
  const pending = [...model.roots.values()].flatMap((cohort) => cohort.nodes);
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    yield node;
    for (const cohort of node.cohorts?.values() ?? []) pending.push(...cohort.nodes);
  }
}

/** Counts below a node, summed up again from the nodes themselves. */
function countBelow(node: TreeNode): Counts {
  const counts = noCounts();
  for (const cohort of node.cohorts?.values() ?? []) {
    for (const child of cohort.nodes) {
      addCounts(counts, ownCounts(child));
      addCounts(counts, countBelow(child));
    }
  }
  return counts;
}

const anyState = fc.constantFrom<TaskState>(...taskStates);
/** Trees that are narrow and deep, wide and flat, and everything between: a task's parent is chosen among the last few before it. */
const anyHistory = fc
  .tuple(
    fc.constantFrom(1, 2, 5, 400),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom("A", "B"), anyState, anyState), { maxLength: 400, size: "max" }),
  )
  .map(([reach, steps]) => {
    const changes: TaskChange[] = [];
    steps.forEach(([choice, name, first, then], index) => {
      const parent = index === 0 ? undefined : index - 1 - (choice % Math.min(index, reach));
      changes.push(added(`t${index}`, parent === undefined ? undefined : `t${parent}`, name, { state: first }));
      changes.push(moved(`t${choice % (index + 1)}`, then));
    });
    return changes;
  });

describe("JobModel", () => {
  it("counts every task once, at its node and at all nodes above, whatever was merged", () => {
    fc.assert(
      fc.property(anyHistory, (changes) => {
        const model = modelOf(changes);
        const expected = noCounts();
        const ids = new Set(changes.map(({ taskId }) => taskId));
        for (const id of ids) expected[model.task(id)?.state ?? "FAILED"] += 1;
        const atNodes = noCounts();
        for (const node of nodesOf(model)) {
          addCounts(atNodes, ownCounts(node));
          expect(node.below ?? noCounts()).toEqual(countBelow(node));
          expect(node.depth).toBeLessThanOrEqual(DEPTH_LIMIT);
        }
        expect(model.counts).toEqual(expected);
        expect(atNodes).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  it("keeps siblings apart up to the limit, and counts them together beyond it with all that is below them", () => {
    const children = Array.from({ length: SIBLING_LIMIT }, (_, index) => added(`c${index}`, "root", "Child"));
    const below = children.map(({ taskId }) => added(`${taskId}x`, taskId, "Below", { state: "RUNNING" }));
    const model = modelOf([added("root", undefined, "Root"), ...children, ...below]);
    expect([...nodesOf(model)]).toHaveLength(1 + 2 * SIBLING_LIMIT);
    model.apply({ resumeToken: "", job: undefined, tasks: [added("last", "root", "Child")] });
    const nodes = [...nodesOf(model)];
    expect(nodes.map((node) => [node.identifier, countAll(ownCounts(node))])).toEqual([
      ["Root@v1.0", 1],
      ["Child@v1.0", SIBLING_LIMIT + 1],
      ["Below@v1.0", SIBLING_LIMIT],
    ]);
    model.apply({
      resumeToken: "",
      job: undefined,
      tasks: [moved("c3x", "COMPLETED"), added("lastx", "last", "Below")],
    });
    expect(nodes[2]?.own).toEqual({ ...noCounts(), RUNNING: SIBLING_LIMIT - 1, COMPLETED: 1, QUEUED: 1 });
  });

  it("holds a chain of 10,000 in a bounded number of nodes", () => {
    const chain = Array.from({ length: 10_000 }, (_, index) =>
      added(`t${index}`, index === 0 ? undefined : `t${index - 1}`, "Step"),
    );
    const model = modelOf(chain);
    const nodes = [...nodesOf(model)];
    expect(nodes).toHaveLength(DEPTH_LIMIT + 1);
    expect(nodes.at(-1)?.deepest).toBe(9_999);
  });

  it("remembers the last failure and counts what is tried again", () => {
    const error = { reason: "RangeError", message: "too far", details: "" };
    const model = modelOf([
      added("a", undefined, "A"),
      moved("a", "RUNNING"),
      moved("a", "QUEUED", { error }),
      moved("a", "RUNNING", { attempt: 2 }),
      moved("a", "FAILED", { attempt: 2, error }),
    ]);
    expect(model.retries).toBe(1);
    expect(model.lastFailure).toMatchObject({ attempt: 2, state: "FAILED", error });
  });

  it("takes a task whose beginning it never saw for a root task", () => {
    const model = modelOf([moved("a", "RUNNING")]);
    expect(model.counts.RUNNING).toBe(1);
    expect([...model.roots.keys()]).toEqual(["unknown@v0.0"]);
  });
});
