import type { Filter, FindOptions } from "mongodb";
import type { TaskRecord } from "../../domain/records.ts";
import { STATE_CODES } from "../codes.ts";
import type { Scan, TaskWithInput } from "../store.ts";
import { findKept } from "./keeper.ts";
import type { QueueTable } from "./queues.ts";
import type { TaskRow } from "./rows.ts";
import type { Step } from "./step.ts";
import {
  decodeInput,
  decodeTask,
  encodeMutable,
  encodeTask,
  type MutableTaskRow,
  updateOf,
  WITHOUT_INPUT,
} from "./task-codec.ts";
import { walk } from "./task-tree.ts";

/** Tasks as a step sees them: loads, writes and the queries of a transaction, except for the claim. */
export class TaskTable {
  readonly #step: Step;
  readonly #queues: QueueTable;
  /** Rows as this step has read or written them: only what differs is sent. */
  readonly #known = new Map<string, MutableTaskRow>();
  readonly #written = new Set<string>();

  constructor(step: Step, queues: QueueTable) {
    this.#step = step;
    this.#queues = queues;
  }

  async load(ids: readonly string[]): Promise<TaskRecord[]> {
    const rows = await this.#step.findByIds(this.#step.rows.task, ids, WITHOUT_INPUT);
    return rows.map((row) => this.adopt(row));
  }

  async inputs(ids: readonly string[]): Promise<Map<string, Uint8Array>> {
    const rows = await this.#step.findByIds(this.#step.rows.task, ids, { projection: { input: 1 } });
    return new Map(rows.map((row) => [row._id, decodeInput(row)]));
  }

  /** Remembers a row that a query has read. */
  adopt(row: TaskRow): TaskRecord {
    if (!this.#written.has(row._id)) this.#known.set(row._id, row);
    return decodeTask(row);
  }

  adoptWithInput(row: TaskRow): TaskWithInput {
    return { task: this.adopt(row), input: decodeInput(row) };
  }

  insert(items: readonly TaskWithInput[]): void {
    const { rows, slot } = this.#step;
    this.#queues.touch(new Set(items.map(({ task }) => task.queueId)));
    for (const { task, input } of items) {
      const row = encodeTask(task, input, slot);
      this.#step.insert(rows.task, row);
      this.#remember(task.id, row);
    }
  }

  update(tasks: readonly TaskRecord[]): void {
    const { rows, slot } = this.#step;
    for (const task of tasks) {
      const next = encodeMutable(task, slot);
      const update = updateOf(this.#known.get(task.id), next);
      this.#step.update(rows.task, { _id: task.id }, update as Parameters<typeof rows.task.updateOne>[1] & object);
      this.#remember(task.id, next);
    }
  }

  /** What the step has read of these must not change meanwhile. */
  guard(ids: readonly string[]): void {
    const { rows } = this.#step;
    for (const id of new Set(ids)) {
      if (!this.#written.has(id)) this.#step.update(rows.task, { _id: id }, { $inc: { rev: 1 } });
    }
  }

  ofSessions(sessionIds: readonly string[], afterId: string | null, limit: number): Promise<TaskRecord[]> {
    const filter = { running: { $in: [...sessionIds], $gt: "" }, ...behind(afterId) };
    return this.#query(filter, { sort: { _id: 1 }, limit });
  }

  failedOfJob(jobId: string, afterId: string | null, limit: number): Promise<TaskRecord[]> {
    return this.#query({ job: jobId, state: STATE_CODES.FAILED, ...behind(afterId) }, { sort: { _id: 1 }, limit });
  }

  runningOfJob(jobId: string, limit: number): Promise<TaskRecord[]> {
    return this.#query({ job: jobId, running: { $gt: "" } }, { limit });
  }

  blockedOfGroup(groupId: string, limit: number): Promise<TaskRecord[]> {
    return this.#query({ blocked: groupId }, { sort: { _id: 1 }, limit });
  }

  overdue(now: number, limit: number): Promise<TaskRecord[]> {
    return this.#findKept("deadline", now, limit);
  }

  due(now: number, limit: number): Promise<TaskRecord[]> {
    return this.#findKept("due", now, limit);
  }

  async nextTimes(): Promise<{ dueAt: number | null; deadlineAt: number | null }> {
    const { rows } = this.#step;
    const [due] = await this.#step.find(rows.task, { due: { $gt: -1 } }, { ...EARLIEST_DUE });
    const [overdue] = await this.#step.find(rows.task, { deadline: { $gt: -1 } }, { ...EARLIEST_DEADLINE });
    return { dueAt: due?.due ?? null, deadlineAt: overdue?.deadline ?? null };
  }

  /** All tasks of a job (`parentId` undefined), or the children of one task (null: root tasks). */
  async scan(jobId: string, parentId: string | null | undefined, cursor: string | null, limit: number): Promise<Scan> {
    const find = (filter: Filter<TaskRow>, options: FindOptions) =>
      this.#step.find(this.#step.rows.task, filter, { ...options, ...WITHOUT_INPUT });
    const { rows, next } = await walk(find, jobId, parentId, cursor, limit);
    return { tasks: rows.map((row) => this.adopt(row)), next };
  }

  /** Whether any of these queues has tasks that are queued or blocked but may not be claimed. */
  async hasParked(queueIds: readonly number[]): Promise<boolean> {
    const filter = { parked: { $in: [...queueIds], $gt: -1 } };
    return (await this.#step.find(this.#step.rows.task, filter, { limit: 1, projection: { _id: 1 } })).length > 0;
  }

  async #query(filter: Filter<TaskRow>, options: FindOptions): Promise<TaskRecord[]> {
    const rows = await this.#step.find(this.#step.rows.task, filter, { ...options, ...WITHOUT_INPUT });
    return rows.map((row) => this.adopt(row));
  }

  async #findKept(field: string, now: number, limit: number): Promise<TaskRecord[]> {
    const rows = await findKept(this.#step, this.#step.rows.task, { field, now, limit, ...WITHOUT_INPUT });
    return rows.map((row) => this.adopt(row));
  }

  #remember(id: string, row: MutableTaskRow): void {
    this.#known.set(id, row);
    this.#written.add(id);
  }
}

const EARLIEST_DUE = { sort: { due: 1 }, limit: 1, projection: { due: 1 } } as const;
const EARLIEST_DEADLINE = { sort: { deadline: 1 }, limit: 1, projection: { deadline: 1 } } as const;

function behind(id: string | null): Filter<TaskRow> {
  return id === null ? {} : { _id: { $gt: id } };
}
