import type { StandardSchemaV1 } from "@standard-schema/spec";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Task } from "../task.ts";
import type { Dependencies, TaskHandle } from "./options.ts";
import { RootTasks } from "./root-tasks.ts";
import { Submission } from "./submission.ts";

class Step extends Task<number> {
  override execute(): void {}
}

/** Groups as inputs and edges. */
function shapeOf(submission: Submission): { tasks: number[]; dependsOn: number[] }[] {
  return submission.toMessage().groups.map(({ tasks, dependsOn }) => ({
    tasks: tasks.map((task) => JSON.parse(task.input.toString())),
    dependsOn,
  }));
}

function submitEach(dependsOn: readonly (readonly number[])[]): Submission {
  const submission = new Submission();
  const handles: TaskHandle[] = [];
  for (const [n, indices] of dependsOn.entries()) {
    const waitsFor = indices.map((index) => handles[index] as TaskHandle);
    handles.push(submission.add(new Step(n), { dependsOn: waitsFor }));
  }
  return submission;
}

describe("grouping", () => {
  it("puts tasks without dependencies into one group", () => {
    expect(shapeOf(submitEach([[], [], []]))).toEqual([{ tasks: [0, 1, 2], dependsOn: [] }]);
  });

  it("makes two groups and one edge of a map and a reduce", () => {
    expect(shapeOf(submitEach([[], [], [0, 1], [1, 0]]))).toEqual([
      { tasks: [0, 1], dependsOn: [] },
      { tasks: [2, 3], dependsOn: [0] },
    ]);
  });

  it("keeps tasks with different dependents apart", () => {
    expect(shapeOf(submitEach([[], [], [], [0], [1, 0]]))).toEqual([
      { tasks: [0], dependsOn: [] },
      { tasks: [1], dependsOn: [] },
      { tasks: [2], dependsOn: [] },
      { tasks: [3], dependsOn: [0] },
      { tasks: [4], dependsOn: [0, 1] },
    ]);
  });

  it("keeps the order of submission within a group, whatever lies between", () => {
    expect(shapeOf(submitEach([[], [0], [], [2, 0], []]))).toContainEqual({ tasks: [4], dependsOn: [] });
    expect(shapeOf(submitEach([[], [0], [], []]))).toContainEqual({ tasks: [2, 3], dependsOn: [] });
  });

  it("agrees with the definition on random graphs: same group exactly when same dependencies and dependents", () => {
    const graphs = fc
      .array(fc.array(fc.nat(), { maxLength: 4 }), { maxLength: 14 })
      .map((rows) => rows.map((row, n) => (n === 0 ? [] : [...new Set(row.map((value) => value % n))])));
    fc.assert(
      fc.property(graphs, (graph) => {
        const groups = shapeOf(submitEach(graph));
        const keyOf = (n: number) => {
          const dependents = graph.flatMap((row, other) => (row.includes(n) ? [other] : []));
          return JSON.stringify([[...(graph[n] ?? [])].sort(), dependents]);
        };
        const groupOf = new Map(groups.flatMap(({ tasks }, group) => tasks.map((task) => [task, group])));
        for (const n of graph.keys()) {
          for (const m of graph.keys()) expect(groupOf.get(n) === groupOf.get(m)).toBe(keyOf(n) === keyOf(m));
          const expected = new Set(graph[n]?.map((other) => groupOf.get(other)));
          expect(new Set(groups[groupOf.get(n) ?? -1]?.dependsOn)).toEqual(expected);
        }
      }),
    );
  });

  it("takes one handle, nested arrays, and the same task twice", () => {
    const submission = new Submission();
    const [a, b] = [submission.add(new Step(0)), submission.add(new Step(1))];
    submission.add(new Step(2), { dependsOn: [[a, [b]], a] });
    submission.add(new Step(3), { dependsOn: a });
    expect(shapeOf(submission).at(-1)).toEqual({ tasks: [3], dependsOn: [0] });
    expect(shapeOf(submission).at(-2)).toEqual({ tasks: [2], dependsOn: [0, 1] });
  });

  it("notices that an array was changed between two submissions", () => {
    const submission = new Submission();
    const before: TaskHandle[] = [];
    for (const n of [0, 1, 2]) before.push(submission.add(new Step(n), { dependsOn: before }));
    expect(shapeOf(submission)).toEqual([
      { tasks: [0], dependsOn: [] },
      { tasks: [1], dependsOn: [0] },
      { tasks: [2], dependsOn: [0, 1] },
    ]);
    const replaced: TaskHandle[] = [before[0] as TaskHandle];
    submission.add(new Step(3), { dependsOn: replaced });
    replaced[0] = before[2] as TaskHandle;
    submission.add(new Step(4), { dependsOn: replaced });
    expect(shapeOf(submission)).toContainEqual({ tasks: [4], dependsOn: [2] });
  });

  it("is fast for 100,000 tasks that share 1,000 dependencies, and for a chain of 10,000", () => {
    const startMs = performance.now();
    const wide = new Submission();
    const maps = Array.from({ length: 1_000 }, (_, n) => wide.add(new Step(n)));
    for (let n = 0; n < 100_000; n++) wide.add(new Step(n), { dependsOn: maps });
    expect(wide.toMessage().groups.map((group) => group.tasks.length)).toEqual([1_000, 100_000]);
    const chain = submitEach(Array.from({ length: 10_000 }, (_, n) => (n === 0 ? [] : [n - 1])));
    expect(chain.toMessage().groups).toHaveLength(10_000);
    // Far above what it takes, far below what anything quadratic would.
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });
});

describe("what is refused", () => {
  it("dependencies of another submission, or that are no handles", () => {
    const foreign = new Submission().add(new Step(0));
    const submission = new Submission();
    expect(() => submission.add(new Step(1), { dependsOn: foreign })).toThrow(TypeError);
    expect(() => submission.add(new Step(1), { dependsOn: [3] as unknown as Dependencies })).toThrow(TypeError);
    expect(() => submission.add(new Step(1), { dependsOn: "a" as unknown as Dependencies })).toThrow(TypeError);
    expect(submission.size).toBe(0);
  });

  it.each([{ maxRetries: -1 }, { maxRetries: 1.5 }, { priority: 2 ** 31 }, { attemptTimeoutMs: -1 }])(
    "options out of range: %j",
    (options) => {
      expect(() => new Submission().add(new Step(0), options)).toThrow(Object.keys(options)[0]);
    },
  );

  it("leaves no trace in the groups of what follows", () => {
    const submission = new Submission();
    const [a] = [submission.add(new Step(0)), submission.add(new Step(1))];
    expect(() => submission.add(new Step(Number.NaN), { dependsOn: a })).toThrow("input");
    expect(shapeOf(submission)).toEqual([{ tasks: [0, 1], dependsOn: [] }]);
  });

  it("by an asynchronous schema: before the submission is sent", async () => {
    class Checked extends Task<number> {
      static readonly schema: StandardSchemaV1 = {
        "~standard": { version: 1, vendor: "test", validate: async () => ({ issues: [{ message: "no" }] }) },
      };
      override execute(): void {}
    }
    const submission = new Submission();
    submission.add(new Checked(1));
    await expect(submission.validation).rejects.toThrow("input is refused by the schema: no");
  });
});

describe("templates", () => {
  it("are shared by tasks with equal options", () => {
    const submission = new Submission({ cluster: "c" });
    submission.add(new Step(0), { maxRetries: 2, display: "one" });
    submission.add(new Step(1), { retry: { maxRetries: 2 }, cluster: "d" });
    submission.add(new Step(2), { display: "two", maxRetries: 2 });
    const { templates, groups } = submission.toMessage();
    expect(templates.map(({ cluster }) => cluster)).toEqual(["c", "d"]);
    expect(groups[0]?.tasks.map(({ template, display }) => [template, display])).toEqual([
      [0, "one"],
      [1, ""],
      [0, "two"],
    ]);
  });

  it("carry the options", () => {
    const submission = new Submission();
    const retry = { initialBackoffMs: 1_500, multiplier: 3, maxBackoffMs: 60_000, jitter: 0.5 };
    submission.add(new Step(0), { maxRetries: 4, retry, optional: true, priority: -5, attemptTimeoutMs: 250 });
    expect(submission.toMessage().templates[0]).toEqual({
      identifier: { name: "Step", version: "v0.0" },
      cluster: "",
      retry: {
        maxRetries: 4,
        initialBackoff: { seconds: 1, nanos: 500_000_000 },
        multiplier: 3,
        maxBackoff: { seconds: 60, nanos: 0 },
        jitter: 0.5,
      },
      optional: true,
      priority: -5,
      attemptTimeout: { seconds: 0, nanos: 250_000_000 },
      display: "",
    });
  });
});

it("root tasks depend on one another, with the submission's options as their defaults", () => {
  const roots = new RootTasks();
  const first = roots.addAll([new Step(0), new Step(1)]);
  roots.add(new Step(2), { dependsOn: first, cluster: "own" });
  const { templates, groups } = roots.toSubmission({ cluster: "given" }).toMessage();
  expect(templates.map(({ cluster }) => cluster)).toEqual(["given", "own"]);
  expect(groups.map(({ dependsOn }) => dependsOn)).toEqual([[], [0]]);
});
