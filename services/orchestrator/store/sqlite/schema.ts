import type { DatabaseSync } from "node:sqlite";
import { StoreUnavailable } from "../store.ts";

/**
 * Numbered by position, from 1. Append only: a released step never changes.
 *
 * Jobs and tasks have a number, `key`, beside their id. Keys are given in order of insertion, so that key order is id order, and stand in for
 * ids in every index and reference: an index entry of a task is some 15 bytes, and page writes are what a task costs most.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE job (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL,             -- for searching without regard to case
    priority INTEGER NOT NULL,
    trace_parent TEXT NOT NULL,
    clusters TEXT NOT NULL,                -- JSON
    idempotency_key TEXT,
    body_digest TEXT,
    submitted_at INTEGER NOT NULL,
    status INTEGER NOT NULL,               -- ../codes.ts
    started_at INTEGER,
    ended_at INTEGER,
    open_groups INTEGER NOT NULL,
    running INTEGER NOT NULL,              -- counts.RUNNING, for the filter by state
    counts TEXT NOT NULL,                  -- JSON, by task state code
    progress TEXT,                         -- JSON; NULL: none
    error TEXT,                            -- JSON
    failed_task_id TEXT
  ) STRICT;
  CREATE UNIQUE INDEX job_by_idempotency_key ON job (idempotency_key) WHERE idempotency_key IS NOT NULL;
  CREATE INDEX job_by_end ON job (ended_at) WHERE status <> 0;

  CREATE TABLE task (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    job INTEGER NOT NULL,                  -- job.key
    owner INTEGER NOT NULL,                -- the parent's key; 0: root task
    grp INTEGER NOT NULL,                  -- the group's index
    queue INTEGER NOT NULL,                -- queue.id
    neg_priority INTEGER NOT NULL,         -- negated, so that the whole claim order ascends
    neg_depth INTEGER NOT NULL,
    scope_id TEXT,
    retry TEXT,                            -- JSON; NULL: none
    attempt_timeout INTEGER,
    created_at INTEGER NOT NULL,
    input BLOB,                            -- NULL: in task_input
    display TEXT NOT NULL,
    state INTEGER NOT NULL,                -- ../codes.ts
    ready INTEGER,                         -- the queue while the task may be claimed, else NULL
    flags INTEGER NOT NULL,                -- codes.ts
    available_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    crashes INTEGER NOT NULL,
    lease_token TEXT,
    settled_token TEXT,
    session_id TEXT,
    deadline_at INTEGER,
    open_groups INTEGER NOT NULL,
    started_at INTEGER,
    stopped_at INTEGER,
    error TEXT,                            -- JSON
    progress TEXT                          -- JSON; NULL: none
  ) STRICT;
  CREATE INDEX task_tree ON task (job, owner, grp);
  CREATE INDEX task_ready ON task (ready, neg_priority, job, neg_depth) WHERE ready IS NOT NULL;
  CREATE INDEX task_running ON task (session_id, key, job) WHERE state = 2;
  CREATE INDEX task_deadline ON task (deadline_at) WHERE state = 2 AND deadline_at IS NOT NULL;
  CREATE INDEX task_due ON task (available_at) WHERE state = 1 AND available_at > 0;
  CREATE INDEX task_failed ON task (job) WHERE state = 5;
  CREATE INDEX task_blocked ON task (job, owner, grp) WHERE state = 0;
  CREATE INDEX task_parked ON task (queue) WHERE state = 0 OR (state = 1 AND ready IS NULL);

  -- Inputs too large to be rewritten with each change of their task.
  CREATE TABLE task_input (task INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;

  CREATE TABLE task_group (
    id TEXT PRIMARY KEY,
    job INTEGER NOT NULL,                  -- job.key
    root INTEGER NOT NULL,                 -- 1: the owner in the id is the job
    dependents TEXT,                       -- JSON; NULL: none
    waiting INTEGER NOT NULL,
    open INTEGER NOT NULL,
    size INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE change (
    job INTEGER NOT NULL,                  -- job.key
    seq INTEGER NOT NULL,
    entry TEXT NOT NULL,                   -- JSON, ../change-codec.ts
    PRIMARY KEY (job, seq)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE queue (
    id INTEGER PRIMARY KEY,
    cluster TEXT NOT NULL,
    name TEXT NOT NULL,
    major INTEGER NOT NULL,
    minor INTEGER NOT NULL,
    queued INTEGER NOT NULL,
    running INTEGER NOT NULL,
    UNIQUE (cluster, name, major, minor)
  ) STRICT;

  CREATE TABLE session (
    id TEXT PRIMARY KEY,
    runner_name TEXT NOT NULL,
    cluster TEXT NOT NULL,
    identifiers TEXT NOT NULL,             -- JSON
    epoch INTEGER NOT NULL,
    connected_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX session_by_expiry ON session (expires_at);
  CREATE INDEX session_by_connection ON session (connected_at, id);
  CREATE INDEX session_by_cluster ON session (cluster, connected_at, id);

  CREATE TABLE work (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    job_id TEXT NOT NULL,
    target_id TEXT NOT NULL,
    cursor TEXT,
    touched INTEGER NOT NULL               -- goes up with each write
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX work_by_touch ON work (touched);
  CREATE INDEX work_by_job ON work (job_id);

  CREATE TABLE cluster (
    slug TEXT PRIMARY KEY,
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE part (
    task_id TEXT NOT NULL,
    lease_token TEXT NOT NULL,
    number INTEGER NOT NULL,
    summary TEXT NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (task_id, lease_token, number)
  ) STRICT;

  CREATE TABLE upload (
    value_id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL,
    started_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX upload_by_start ON upload (started_at);
  CREATE INDEX upload_by_job ON upload (job_id);

  CREATE TABLE cache_value (
    job_id TEXT NOT NULL,
    cache_key TEXT NOT NULL,
    value_id TEXT NOT NULL,
    size INTEGER NOT NULL,
    written_at INTEGER NOT NULL,
    PRIMARY KEY (job_id, cache_key)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE cache_chunk (
    value_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (value_id, number)
  ) STRICT;
  `,
];

/** Marks the file as Taskgrove's ("tgrv"), so that a path to some other program's database is refused and not migrated. */
const APPLICATION_ID = 0x74677276;

/** Brings the schema up to date. Throws `StoreUnavailable` for another program's file and for one that a later version has written. */
export function migrate(db: DatabaseSync): void {
  const version = pragma(db, "user_version");
  const isEmpty = version === 0 && db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
  if (!isEmpty && pragma(db, "application_id") !== APPLICATION_ID) {
    throw new StoreUnavailable("the database file belongs to another program");
  }
  if (version > MIGRATIONS.length) {
    throw new StoreUnavailable(
      `the database has schema version ${version}; this orchestrator knows versions up to ${MIGRATIONS.length}`,
    );
  }
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index >= version) {
      db.exec(
        `BEGIN IMMEDIATE; ${sql} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${index + 1}; COMMIT;`,
      );
    }
  }
}

function pragma(db: DatabaseSync, name: "user_version" | "application_id"): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}
