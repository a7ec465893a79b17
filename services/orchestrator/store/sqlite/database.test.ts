import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aJob, aTask } from "../../testing/records.ts";
import { StoreUnavailable } from "../store.ts";
import { openSqliteStore } from "./index.ts";

let folder = "";
let file = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "taskgrove-test-"));
  file = join(folder, "taskgrove.db");
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Runs SQL on the closed database. */
function tamper(sql: string): void {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
}

test("a second orchestrator is told that the file is in use, and the first one goes on", async () => {
  const store = openSqliteStore({ file });
  expect(() => openSqliteStore({ file })).toThrow(StoreUnavailable);
  expect(() => openSqliteStore({ file })).toThrow(/in use by another orchestrator/);
  const job = aJob();
  await store.transact((tx) => tx.write({ insertJobs: [job] }));
  expect(await store.job(job.id)).toEqual(job);
  await store.close();
});

test("a schema of a later version is refused and left alone", async () => {
  await openSqliteStore({ file }).close();
  tamper("PRAGMA user_version = 1000");
  expect(() => openSqliteStore({ file })).toThrow(/schema version 1000; this orchestrator knows versions up to/);
  tamper("PRAGMA user_version = 1");
  await openSqliteStore({ file }).close();
});

test("another program's database is refused and left alone", async () => {
  tamper("CREATE TABLE theirs (a)");
  expect(() => openSqliteStore({ file })).toThrow(/belongs to another program/);
  const db = new DatabaseSync(file);
  expect(db.prepare("SELECT name FROM sqlite_schema").all()).toEqual([{ name: "theirs" }]);
  db.close();
});

test("a file that is no database is refused", () => {
  writeFileSync(file, "no database ".repeat(1_000));
  expect(() => openSqliteStore({ file })).toThrow(StoreUnavailable);
});

test("a path that cannot be written is refused, and names no lock", () => {
  const missing = join(folder, "missing", "taskgrove.db");
  expect(() => openSqliteStore({ file: missing })).toThrow(StoreUnavailable);
  expect(() => openSqliteStore({ file: missing })).not.toThrow(/in use/);
});

test("a temporary database is removed when it is closed", async () => {
  vi.stubEnv("TMPDIR", folder);
  const store = openSqliteStore({ file: null });
  const job = aJob();
  await store.transact((tx) => tx.write({ insertJobs: [job] }));
  expect(await store.job(job.id)).toEqual(job);
  expect(readdirSync(folder).length).toBe(1);
  await store.close();
  expect(readdirSync(folder)).toEqual([]);
});

test("a full disk is reported as the store being unavailable, and nothing is written", async () => {
  const store = openSqliteStore({ file });
  const job = aJob();
  await store.transact((tx) => tx.write({ insertJobs: [job] }));
  await store.close();
  const db = new DatabaseSync(file);
  const pages = Number(db.prepare("PRAGMA page_count").get()?.page_count);
  db.close();

  const full = openSqliteStore({ file, maxPages: pages + 4 });
  const items = Array.from({ length: 100 }, () => ({ task: aTask({ jobId: job.id }), input: new Uint8Array(5_000) }));
  const writing = full.transact((tx) => tx.write({ insertTasks: items }));
  await expect(writing).rejects.toBeInstanceOf(StoreUnavailable);
  const scan = await full.transact((tx) => tx.scanJob(job.id, null, 10));
  expect(scan).toEqual({ tasks: [], next: null });
  const changed = { ...job, openGroups: 3 };
  await full.transact((tx) => tx.write({ updateJobs: [changed] }));
  expect(await full.job(job.id)).toEqual(changed);
  await full.close();
});

test("the log of a database is folded in when it is closed", async () => {
  const store = openSqliteStore({ file });
  await store.transact((tx) => tx.write({ insertJobs: [aJob()] }));
  expect(existsSync(`${file}-wal`)).toBe(true);
  await store.close();
  expect(existsSync(`${file}-wal`)).toBe(false);
});
