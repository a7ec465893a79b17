import type { DatabaseSync } from "node:sqlite";
import { groupIndex, type TaskRecord } from "../../domain/records.ts";
import { STATE_CODES } from "../codes.ts";
import type { Scan, TaskWithInput } from "../store.ts";
import { encodeFailure, encodeProgress } from "./codes.ts";
import type { JobKeys } from "./job-keys.ts";
import type { KeyMap } from "./key-map.ts";
import { type Command, command, type Query, query } from "./query.ts";
import { createRecordCache } from "./record-cache.ts";
import {
  decodeTask,
  encodeFlags,
  encodeReady,
  encodeRetry,
  TASK_COLUMNS,
  type TaskInputRow,
  type TaskRow,
} from "./task-codec.ts";
import { TaskTree } from "./task-tree.ts";

/** Above this an input is kept out of its task's row, which is rewritten with each change of the task. */
const MAX_INLINE_INPUT = 1024;
const CACHE_CAPACITY = 16_384;

const RUNNING = "INDEXED BY task_running WHERE state = 2";
const DUE = "INDEXED BY task_due WHERE state = 1 AND available_at > 0";
const OVERDUE = "INDEXED BY task_deadline WHERE state = 2 AND deadline_at IS NOT NULL";

/** Tasks as the writing connection sees them: loads, writes and the queries of a transaction, except for the claim. */
export class TaskTable {
  readonly keys: { readonly jobs: JobKeys; readonly tasks: KeyMap };
  readonly #cache = createRecordCache<TaskRecord>(CACHE_CAPACITY);
  readonly #tree: TaskTree;
  #nextKey: number;

  readonly #byId: Query<TaskRow>;
  readonly #byKey: Query<TaskRow>;
  readonly #inputByKey: Query<[Uint8Array | null]>;
  readonly #selectInput: Query<[Uint8Array]>;
  readonly #runningOfSession: Query<[number]>;
  readonly #runningOfJob: Query<[number]>;
  readonly #failedOfJob: Query<TaskRow>;
  readonly #blockedOfGroup: Query<TaskRow>;
  readonly #overdue: Query<TaskRow>;
  readonly #due: Query<TaskRow>;
  readonly #nextDue: Query<[number | null]>;
  readonly #nextDeadline: Query<[number | null]>;
  readonly #parked: Query<[number]>;
  readonly #insert: Command;
  readonly #insertInput: Command;
  readonly #update: Command;
  readonly #updateOpenGroups: Command;

  constructor(db: DatabaseSync, jobs: JobKeys, tasks: KeyMap) {
    this.keys = { jobs, tasks };
    this.#tree = new TaskTree(db);
    this.#nextKey = (query<[number]>(db, "SELECT coalesce(max(key), 0) FROM task").get()?.[0] ?? 0) + 1;
    const select = `SELECT ${TASK_COLUMNS} FROM task`;
    this.#byId = query(db, `${select} WHERE id = ?`);
    this.#byKey = query(db, `${select} WHERE key = ?`);
    this.#inputByKey = query(db, "SELECT input FROM task WHERE key = ?");
    this.#selectInput = query(db, "SELECT data FROM task_input WHERE task = ?");
    this.#runningOfSession = query(
      db,
      `SELECT key FROM task ${RUNNING} AND session_id = ? AND key > ? ORDER BY key LIMIT ?`,
    );
    this.#runningOfJob = query(db, `SELECT key FROM task ${RUNNING} AND job = ? LIMIT ?`);
    this.#failedOfJob = query(
      db,
      `${select} INDEXED BY task_failed WHERE state = 5 AND job = ? AND key > ? ORDER BY key LIMIT ?`,
    );
    this.#blockedOfGroup = query(
      db,
      `${select} INDEXED BY task_blocked WHERE state = 0 AND job = ? AND owner = ? AND grp = ? ORDER BY key LIMIT ?`,
    );
    this.#overdue = query(db, `${select} ${OVERDUE} AND deadline_at <= ? ORDER BY deadline_at LIMIT ?`);
    this.#due = query(db, `${select} ${DUE} AND available_at <= ? ORDER BY available_at LIMIT ?`);
    this.#nextDue = query(db, `SELECT min(available_at) FROM task ${DUE}`);
    this.#nextDeadline = query(db, `SELECT min(deadline_at) FROM task ${OVERDUE}`);
    this.#parked = query(
      db,
      `SELECT 1 FROM queue CROSS JOIN task INDEXED BY task_parked ON task.queue = queue.id
       WHERE queue.cluster = ? AND (state = 0 OR (state = 1 AND ready IS NULL)) LIMIT 1`,
    );
    this.#insert = command(
      db,
      `INSERT INTO task (key, id, job, owner, grp, queue, neg_priority, neg_depth, scope_id, retry, attempt_timeout, created_at, input,
         display, state, ready, flags, available_at, attempt, failures, crashes, lease_token, settled_token, session_id, deadline_at,
         open_groups, started_at, stopped_at, error, progress)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#insertInput = command(db, "INSERT INTO task_input (task, data) VALUES (?, ?)");
    this.#update = command(
      db,
      `UPDATE task SET display = ?, state = ?, ready = ?, flags = ?, available_at = ?, attempt = ?, failures = ?, crashes = ?,
         lease_token = ?, settled_token = ?, session_id = ?, deadline_at = ?, open_groups = ?, started_at = ?, stopped_at = ?, error = ?,
         progress = ? WHERE key = ?`,
    );
    this.#updateOpenGroups = command(db, "UPDATE task SET open_groups = ? WHERE key = ?");
  }

  load(ids: readonly string[]): TaskRecord[] {
    const tasks: TaskRecord[] = [];
    for (const id of ids) {
      const cached = this.#cache.get(id);
      if (cached !== undefined) {
        tasks.push(cached.record);
        continue;
      }
      const row = this.#byId.get(id);
      if (row === undefined) continue;
      const task = this.decode(row);
      this.#cache.set(id, { key: row[0], record: task });
      tasks.push(task);
    }
    return tasks;
  }

  /** A row as a record; its key is remembered, so that the update which tends to follow need not look for it. */
  decode(row: TaskRow | TaskInputRow): TaskRecord {
    this.keys.tasks.remember(row[1], row[0]);
    return decodeTask(row, this.keys);
  }

  /** The input that belongs to a row which has none of its own. */
  storedInput(key: number): Uint8Array {
    const data = this.#selectInput.get(key)?.[0];
    if (data === undefined) throw new Error(`the task with key ${key} has no input`);
    return data;
  }

  inputs(ids: readonly string[]): Map<string, Uint8Array> {
    const inputs = new Map<string, Uint8Array>();
    for (const id of ids) {
      const key = this.keys.tasks.find(id);
      const row = key === undefined ? undefined : this.#inputByKey.get(key);
      if (key !== undefined && row !== undefined) inputs.set(id, row[0] ?? this.storedInput(key));
    }
    return inputs;
  }

  insert(items: readonly TaskWithInput[]): void {
    for (const item of items) this.#insertOne(item.task, item.input);
  }

  update(tasks: readonly TaskRecord[]): void {
    for (const task of tasks) this.#updateOne(task);
  }

  /** Running tasks of sessions by id, which is the order of their keys. */
  ofSessions(sessionIds: readonly string[], afterId: string | null, limit: number): TaskRecord[] {
    const after = afterId === null ? 0 : this.keys.tasks.floor(afterId);
    const keys: number[] = [];
    for (const id of sessionIds) for (const [key] of this.#runningOfSession.all(id, after, limit)) keys.push(key);
    if (sessionIds.length > 1) keys.sort((a, b) => a - b);
    return this.#loadKeys(keys.slice(0, limit));
  }

  failedOfJob(jobId: string, afterId: string | null, limit: number): TaskRecord[] {
    const job = this.keys.jobs.find(jobId);
    if (job === undefined) return [];
    const after = afterId === null ? 0 : this.keys.tasks.floor(afterId);
    return this.#decodeAll(this.#failedOfJob.all(job, after, limit));
  }

  /** Walks over all that runs, in the index alone: that is bounded by the credits of the runners, not by the job. */
  runningOfJob(jobId: string, limit: number): TaskRecord[] {
    const job = this.keys.jobs.find(jobId);
    return job === undefined ? [] : this.#loadKeys(this.#runningOfJob.all(job, limit).map(([key]) => key));
  }

  /** `parentId`: null for a group of root tasks. */
  blockedOfGroup(jobId: string, parentId: string | null, index: number, limit: number): TaskRecord[] {
    const job = this.keys.jobs.find(jobId);
    const owner = this.#owner(parentId);
    if (job === undefined || owner === undefined) return [];
    return this.#decodeAll(this.#blockedOfGroup.all(job, owner, index, limit));
  }

  /** All tasks of a job (`parentId` undefined), or the children of one task (null: root tasks). */
  scan(jobId: string, parentId: string | null | undefined, cursor: string | null, limit: number): Scan {
    const job = this.keys.jobs.find(jobId);
    const owner = parentId === undefined ? null : this.#owner(parentId);
    if (job === undefined || owner === undefined) return { tasks: [], next: null };
    const { rows, next } = this.#tree.page(job, owner, cursor, limit);
    return { tasks: this.#decodeAll(rows), next };
  }

  overdue(now: number, limit: number): TaskRecord[] {
    return this.#decodeAll(this.#overdue.all(now, limit));
  }

  due(now: number, limit: number): TaskRecord[] {
    return this.#decodeAll(this.#due.all(now, limit));
  }

  nextTimes(): { dueAt: number | null; deadlineAt: number | null } {
    return { dueAt: this.#nextDue.get()?.[0] ?? null, deadlineAt: this.#nextDeadline.get()?.[0] ?? null };
  }

  /** Whether a cluster has tasks that are queued or blocked but in no ready index. */
  hasParked(cluster: string): boolean {
    return this.#parked.get(cluster) !== undefined;
  }

  forget(id: string): void {
    this.#cache.delete(id);
    this.keys.tasks.forget(id);
  }

  /** After a rollback. */
  forgetAll(): void {
    this.#cache.clear();
    this.keys.tasks.forgetKeys();
  }

  #owner(parentId: string | null): number | undefined {
    return parentId === null ? 0 : this.keys.tasks.find(parentId);
  }

  #decodeAll(rows: readonly TaskRow[]): TaskRecord[] {
    return rows.map((row) => this.decode(row));
  }

  #loadKeys(keys: readonly number[]): TaskRecord[] {
    const tasks: TaskRecord[] = [];
    for (const key of keys) {
      const row = this.#byKey.get(key);
      if (row !== undefined) tasks.push(this.decode(row));
    }
    return tasks;
  }

  #insertOne(task: TaskRecord, input: Uint8Array): void {
    const key = this.#nextKey++;
    const isInline = input.length <= MAX_INLINE_INPUT;
    this.#insert.run(
      key,
      task.id,
      this.keys.jobs.reserve(task.jobId),
      task.parentId === null ? 0 : this.keys.tasks.keyOf(task.parentId),
      groupIndex(task.groupId),
      task.queueId,
      0 - task.priority,
      0 - task.depth,
      task.scopeId,
      encodeRetry(task.retry),
      task.attemptTimeoutMs,
      task.createdAt,
      isInline ? input : null,
      task.display,
      STATE_CODES[task.state],
      encodeReady(task),
      encodeFlags(task),
      task.availableAt,
      task.attempt,
      task.failures,
      task.crashes,
      task.leaseToken,
      task.settledToken,
      task.sessionId,
      task.deadlineAt,
      task.openGroups,
      task.startedAt,
      task.stoppedAt,
      encodeFailure(task.error),
      encodeProgress(task.progress),
    );
    if (!isInline) this.#insertInput.run(key, input);
    // Claimed in the step that made it: its runner will report next.
    if (task.state === "RUNNING") {
      this.#cache.set(task.id, { key, record: task });
      this.keys.tasks.remember(task.id, key);
    }
  }

  #updateOne(task: TaskRecord): void {
    const before = this.#cache.get(task.id);
    const key = before?.key ?? this.keys.tasks.keyOf(task.id);
    if (before !== undefined && isCountedDown(before.record, task)) this.#updateOpenGroups.run(task.openGroups, key);
    else this.#updateAll(key, task);
    // Worth keeping: what a runner or a subtask will report about. The rest makes room.
    if (task.state === "RUNNING" || task.state === "COMPUTED") this.#cache.set(task.id, { key, record: task });
    else this.#cache.delete(task.id);
  }

  #updateAll(key: number, task: TaskRecord): void {
    this.#update.run(
      task.display,
      STATE_CODES[task.state],
      encodeReady(task),
      encodeFlags(task),
      task.availableAt,
      task.attempt,
      task.failures,
      task.crashes,
      task.leaseToken,
      task.settledToken,
      task.sessionId,
      task.deadlineAt,
      task.openGroups,
      task.startedAt,
      task.stoppedAt,
      encodeFailure(task.error),
      encodeProgress(task.progress),
      key,
    );
  }
}

/** Whether nothing changed but the number of open groups, which is in no index: a parent that waits is counted down in place. */
function isCountedDown(before: TaskRecord, after: TaskRecord): boolean {
  return (
    before.state === "COMPUTED" &&
    after.state === "COMPUTED" &&
    before.held === after.held &&
    before.branchFailed === after.branchFailed &&
    before.display === after.display &&
    before.availableAt === after.availableAt &&
    before.attempt === after.attempt &&
    before.failures === after.failures &&
    before.crashes === after.crashes &&
    before.leaseToken === after.leaseToken &&
    before.settledToken === after.settledToken &&
    before.sessionId === after.sessionId &&
    before.deadlineAt === after.deadlineAt &&
    before.startedAt === after.startedAt &&
    before.stoppedAt === after.stoppedAt &&
    before.error === after.error &&
    before.progress === after.progress
  );
}
