import { DatabaseSync } from "node:sqlite";
import { expect, test, vi } from "vitest";
import { createReads } from "./reads.ts";
import { migrate } from "./schema.ts";
import { Tables } from "./transaction.ts";

/** What may be walked over as a whole, and why. */
const ALLOWED_SCANS: readonly RegExp[] = [
  // All that runs: bounded by the runners' credits, and in the index alone.
  /^SCAN task USING COVERING INDEX task_running$/,
  // From its start in the order of an index, up to a limit.
  /^SCAN work USING INDEX work_by_touch$/,
  // Lists of everything, which are short.
  /^SCAN (queue|cluster)$/,
  // Jobs that one page looks at, at most `MAX_LOOKED`.
  /^SCAN \(subquery-\d+\)$/,
  /VIRTUAL TABLE INDEX/,
];

/** Prepares all statements of the driver and returns their SQL. */
async function allStatements(db: DatabaseSync): Promise<string[]> {
  const prepare = vi.spyOn(db, "prepare");
  const tables = new Tables(db);
  tables.claims.candidates({ queueIds: [1], after: null, limit: 1 });
  const states = ["SUBMITTED", "RUNNING", "STARTED", "COMPLETED", "FAILED", "CANCELED"] as const;
  const filter = { states, nameContains: "x", submittedFrom: 1, submittedUntil: 2, cluster: "c" };
  await createReads(db).listJobs(filter, { limit: 1, after: null });
  const statements = prepare.mock.calls.map(([sql]) => sql);
  prepare.mockRestore();
  return statements;
}

test("every statement finds its rows by an index and none sorts", async () => {
  const db = new DatabaseSync(":memory:");
  migrate(db);
  const statements = await allStatements(db);
  expect(statements.length).toBeGreaterThan(90);
  for (const sql of statements) {
    const steps = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
    const costly = steps
      .map((step) => String(step.detail))
      .filter(
        (detail) => /SCAN|TEMP B-TREE|AUTOMATIC/.test(detail) && !ALLOWED_SCANS.some((scan) => scan.test(detail)),
      );
    expect(costly, sql).toEqual([]);
  }
  db.close();
});

test("finished tasks are in no index but those by id and by place in the tree", () => {
  const db = new DatabaseSync(":memory:");
  migrate(db);
  const indexes = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'task'").all();
  const whole = indexes.filter(({ sql }) => sql === null || !String(sql).includes("WHERE")).map(({ name }) => name);
  expect(whole.toSorted()).toEqual(["sqlite_autoindex_task_1", "task_tree"]);
  db.close();
});
