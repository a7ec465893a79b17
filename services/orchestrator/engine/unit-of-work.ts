import { replaceProgress } from "../domain/progress.ts";
import {
  type GroupRecord,
  isOver,
  type JobRecord,
  type JobStatus,
  type TaskRecord,
  type WorkItem,
} from "../domain/records.ts";
import type { NewChangeEntry, Part, StoreTransaction, TaskWithInput, Wakeup, WriteSet } from "../store/store.ts";
import { Guards } from "./guards.ts";
import { entriesOf, type JobDraft, newDraft, stepOf } from "./job-draft.ts";
import { QueueBooks } from "./queue-books.ts";

/**
 * One batch's view of the records: loads them once, keeps what the rules made of them, writes each changed record once, and keeps the
 * books that follow from any transition (a job's counts and progress, the depth of queues, the change log), so that no rule has to.
 */
export class UnitOfWork {
  readonly tx: StoreTransaction;
  readonly now: number;
  /** What to do when the batch has been committed, in order. */
  readonly afterCommit: (() => void)[] = [];
  readonly queues = new QueueBooks();
  readonly guards = new Guards();
  /** Background work that this batch asked for. */
  readonly newWork: WorkItem[] = [];
  /** Jobs that this batch canceled. */
  readonly canceledJobs: string[] = [];
  tasksCreated = 0;

  readonly #tasks = new Map<string, TaskEntry>();
  readonly #groups = new Map<string, Entry<GroupRecord>>();
  readonly #jobs = new Map<string, JobDraft>();
  /** Groups of tasks that are not written yet. */
  readonly #unwrittenGroups = new Set<string>();
  #insertTasks: TaskWithInput[] = [];
  #dirtyTasks: TaskEntry[] = [];
  #insertGroups: Entry<GroupRecord>[] = [];
  #dirtyGroups: Entry<GroupRecord>[] = [];
  #rest: Mutable<WriteSet> = {};

  constructor(tx: StoreTransaction, now: number) {
    this.tx = tx;
    this.now = now;
  }

  async loadTasks(ids: Iterable<string>): Promise<void> {
    const missing = missingIn(this.#tasks, ids);
    if (missing.length > 0) for (const task of await this.tx.loadTasks(missing)) this.adopt(task);
  }

  async loadGroups(ids: Iterable<string>): Promise<void> {
    const missing = missingIn(this.#groups, ids);
    if (missing.length === 0) return;
    for (const group of await this.tx.loadGroups(missing)) this.#groups.set(group.id, { record: group, dirty: false });
  }

  async loadJobs(ids: Iterable<string>): Promise<void> {
    const missing = missingIn(this.#jobs, ids);
    if (missing.length > 0) for (const job of await this.tx.loadJobs(missing)) this.adoptJob(job);
  }

  /** Loads the optional branches that the tasks belong to, up to the outermost. */
  async loadScopes(tasks: Iterable<TaskRecord>): Promise<void> {
    let scopes = new Set<string>();
    for (const task of tasks) if (task.scopeId !== null) scopes.add(task.scopeId);
    while (scopes.size > 0) {
      await this.loadTasks(scopes);
      const outer = new Set<string>();
      for (const id of scopes) {
        const scopeId = this.task(id)?.scopeId;
        if (scopeId !== undefined && scopeId !== null && !scopes.has(scopeId)) outer.add(scopeId);
      }
      scopes = outer;
    }
  }

  /** Takes in a task that a query returned, and returns it as this batch sees it. */
  adopt(task: TaskRecord): TaskRecord {
    const known = this.#tasks.get(task.id);
    if (known !== undefined) return known.record;
    this.#tasks.set(task.id, { record: task, dirty: false, isChanged: false, input: null });
    return task;
  }

  /** Takes in a job that a query returned, and returns it as this batch sees it. */
  adoptJob(job: JobRecord): JobRecord {
    const known = this.#jobs.get(job.id);
    if (known !== undefined) return known.record;
    this.#jobs.set(job.id, newDraft(job));
    return job;
  }

  task(id: string): TaskRecord | undefined {
    return this.#tasks.get(id)?.record;
  }

  group(id: string): GroupRecord {
    return need(this.#groups.get(id), "group", id).record;
  }

  findJob(id: string): JobRecord | undefined {
    return this.#jobs.get(id)?.record;
  }

  job(id: string): JobRecord {
    return need(this.#jobs.get(id), "job", id).record;
  }

  /** Whether an optional branch that encloses the task has failed. The scopes must have been loaded. */
  branchFailed(task: TaskRecord): boolean {
    for (let id = task.scopeId; id !== null; ) {
      const scope = need(this.#tasks.get(id), "task", id).record;
      if (scope.branchFailed) return true;
      id = scope.scopeId;
    }
    return false;
  }

  insertJob(job: JobRecord): void {
    const draft = newDraft(job);
    draft.isNew = true;
    draft.dirty = true;
    this.#jobs.set(job.id, draft);
  }

  putJob(job: JobRecord): void {
    const draft = need(this.#jobs.get(job.id), "job", job.id);
    if (draft.record === job) return;
    draft.record = job;
    draft.dirty = true;
  }

  insertGroup(group: GroupRecord): void {
    const entry = { record: group, dirty: true };
    this.#groups.set(group.id, entry);
    this.#insertGroups.push(entry);
  }

  putGroup(group: GroupRecord): void {
    const entry = need(this.#groups.get(group.id), "group", group.id);
    entry.record = group;
    if (entry.dirty) return;
    entry.dirty = true;
    this.#dirtyGroups.push(entry);
  }

  insertTask(task: TaskRecord, input: Uint8Array, group: number): void {
    const entry = { record: task, dirty: false, isChanged: true, input };
    this.#tasks.set(task.id, entry);
    this.#insertTasks.push({ task, input });
    this.#unwrittenGroups.add(task.groupId);
    this.tasksCreated++;
    const draft = this.#draftOf(task.jobId);
    draft.counts[task.state]++;
    draft.changes.push({
      taskId: task.id,
      state: task.state,
      attempt: 0,
      created: { parentId: task.parentId, queueId: task.queueId, group },
      display: task.display,
    });
    this.queues.enter(entry);
    this.guards.waiting(null, task);
  }

  putTask(next: TaskRecord): void {
    const entry = need(this.#tasks.get(next.id), "task", next.id);
    const before = entry.record;
    entry.record = next;
    entry.isChanged = true;
    if (!entry.dirty) {
      entry.dirty = true;
      this.#dirtyTasks.push(entry);
    }
    this.#keepBooks(entry, before, next);
  }

  /** Asks for background work; its first slice is done in this batch. */
  addWork(kind: WorkItem["kind"], jobId: string, targetId: string): void {
    this.newWork.push({ id: `${kind}:${targetId}`, kind, jobId, targetId, cursor: null });
  }

  /** Adds to what is written at the end: lists are appended to. */
  write<K extends Exclude<keyof WriteSet, "wakeup">>(key: K, item: NonNullable<WriteSet[K]>[number]): void {
    const lists = this.#rest as Record<string, unknown[] | undefined>;
    const list = lists[key];
    if (list === undefined) lists[key] = [item];
    else list.push(item);
  }

  /** Parts are read back in the same batch, so they are written at once. */
  async putParts(parts: readonly Part[]): Promise<void> {
    if (parts.length > 0) await this.tx.write({ putParts: parts });
  }

  /** Makes tasks and groups visible to the queries of this batch. */
  async flushTasks(): Promise<void> {
    const tasks = this.#insertTasks;
    const changes: Mutable<WriteSet> = {};
    if (this.#insertGroups.length > 0) changes.insertGroups = settle(this.#insertGroups);
    if (this.#dirtyGroups.length > 0) changes.updateGroups = settle(this.#dirtyGroups);
    if (tasks.length > 0) changes.insertTasks = tasks.map((item) => this.#asInserted(item));
    if (this.#dirtyTasks.length > 0) changes.updateTasks = this.#settledUpdates(tasks);
    this.#insertTasks = [];
    this.#dirtyTasks = [];
    this.#insertGroups = [];
    this.#dirtyGroups = [];
    this.#unwrittenGroups.clear();
    for (const _ in changes) {
      await this.tx.write(changes);
      return;
    }
  }

  /** Whether queries do not know yet of all tasks that this batch has made in the group. */
  hasUnwrittenTasks(groupId: string): boolean {
    return this.#unwrittenGroups.has(groupId);
  }

  /** The tasks with their inputs, from this batch where it made them, else from the store. */
  async withInputs(tasks: readonly TaskRecord[]): Promise<TaskWithInput[]> {
    const ownInput = (id: string) => this.#tasks.get(id)?.input ?? null;
    const stored = tasks.flatMap(({ id }) => (ownInput(id) === null ? [id] : []));
    const inputs = stored.length === 0 ? null : await this.tx.loadInputs(stored);
    return tasks.map((task) => ({
      task,
      input: ownInput(task.id) ?? need(inputs?.get(task.id), "the input of", task.id),
    }));
  }

  /** Writes everything that is left, with what others are to be told if there are any. Nothing may be put after this. */
  async finish(tellOthers: boolean): Promise<void> {
    await this.flushTasks();
    const changes = this.#rest;
    const insertJobs: JobRecord[] = [];
    const updateJobs: JobRecord[] = [];
    const log: NewChangeEntry[] = [];
    for (const draft of this.#jobs.values()) {
      if (!draft.dirty && draft.changes.length === 0) continue;
      const job = { ...draft.record, counts: draft.counts };
      (draft.isNew ? insertJobs : updateJobs).push(job);
      log.push(...entriesOf(job, draft.changes));
      draft.record = job;
    }
    if (insertJobs.length > 0) changes.insertJobs = insertJobs;
    if (updateJobs.length > 0) changes.updateJobs = updateJobs;
    if (log.length > 0) changes.appendChanges = log;
    if (this.queues.deltas.size > 0) {
      changes.queueDeltas = [...this.queues.deltas].map(([queueId, delta]) => ({ queueId, ...delta }));
    }
    const guardTasks = this.#guardedTasks();
    const guardSessions = this.guards.sessions;
    if (guardTasks.length > 0) changes.guardTasks = guardTasks;
    if (guardSessions.length > 0) changes.guardSessions = guardSessions;
    const wakeup = tellOthers ? this.#wakeup(log) : null;
    if (wakeup !== null) changes.wakeup = wakeup;
    await this.tx.write(changes);
  }

  /** The jobs that this batch changed, as written. To be read after `finish`. */
  *changedJobs(): Iterable<JobRecord> {
    for (const draft of this.#jobs.values()) if (draft.dirty || draft.changes.length > 0) yield draft.record;
  }

  /** How the status of each changed job went. To be read after `finish`. */
  *jobSteps(): Iterable<{ readonly before: JobStatus; readonly job: JobRecord; readonly isNew: boolean }> {
    for (const draft of this.#jobs.values()) {
      if (draft.dirty) yield { before: draft.before, job: draft.record, isNew: draft.isNew };
    }
  }

  /** What is relied on, but for what this batch changes itself: that is protected as it is. */
  #guardedTasks(): string[] {
    const entry = (id: string) => need(this.#tasks.get(id), "task", id);
    const ids = this.guards.tasks((id) => entry(id).record);
    return [...ids].filter((id) => !entry(id).isChanged);
  }

  #wakeup(log: readonly NewChangeEntry[]): Wakeup | null {
    const queueIds = this.queues.claimableQueues();
    const jobIds = [...new Set(log.map((entry) => entry.jobId))];
    if (queueIds.length + jobIds.length + this.canceledJobs.length === 0) return null;
    const overJobIds = jobIds.filter((id) => isOver(this.job(id)));
    return { queueIds, jobIds, overJobIds, canceledJobIds: this.canceledJobs };
  }

  #draftOf(jobId: string): JobDraft {
    return need(this.#jobs.get(jobId), "job", jobId);
  }

  #keepBooks(entry: TaskEntry, before: TaskRecord, next: TaskRecord): void {
    const draft = this.#draftOf(next.jobId);
    if (before.state !== next.state) {
      draft.counts[before.state]--;
      draft.counts[next.state]++;
      draft.changes.push(stepOf(before, next));
    } else if (before.display !== next.display) {
      draft.changes.push({ taskId: next.id, state: next.state, attempt: next.attempt, display: next.display });
    }
    if (before.progress !== next.progress) {
      const progress = replaceProgress(draft.record.progress, before.progress, next.progress);
      if (progress !== draft.record.progress) this.putJob({ ...draft.record, progress });
    }
    this.queues.leave(before);
    this.queues.enter(entry);
    this.guards.waiting(before.state, next);
  }

  #asInserted(item: TaskWithInput): TaskWithInput {
    const entry = need(this.#tasks.get(item.task.id), "task", item.task.id);
    return entry.record === item.task ? item : { task: entry.record, input: item.input };
  }

  /** The changed tasks, without those that are inserted in the same write as they are now. */
  #settledUpdates(inserted: readonly TaskWithInput[]): TaskRecord[] {
    const fresh = inserted.length === 0 ? null : new Set(inserted.map((item) => item.task.id));
    const updates: TaskRecord[] = [];
    for (const entry of this.#dirtyTasks) {
      entry.dirty = false;
      if (fresh === null || !fresh.has(entry.record.id)) updates.push(entry.record);
    }
    return updates;
  }
}

interface Entry<T> {
  record: T;
  dirty: boolean;
}

interface TaskEntry extends Entry<TaskRecord> {
  /** This batch has made or changed it. */
  isChanged: boolean;
  /** null: in the store. */
  readonly input: Uint8Array | null;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function missingIn(known: ReadonlyMap<string, unknown>, ids: Iterable<string>): string[] {
  const missing = new Set<string>();
  for (const id of ids) if (!known.has(id)) missing.add(id);
  return [...missing];
}

function settle<T>(entries: readonly Entry<T>[]): T[] {
  return entries.map((entry) => {
    entry.dirty = false;
    return entry.record;
  });
}

function need<T>(value: T | undefined, what: string, id: string): T {
  if (value === undefined) throw new Error(`${what} ${id} was not loaded`);
  return value;
}
