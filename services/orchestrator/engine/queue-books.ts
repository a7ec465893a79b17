import { isClaimable } from "../domain/claim.ts";
import type { TaskRecord } from "../domain/records.ts";

/** Whoever holds the current record of a task. */
interface TaskHolder {
  readonly record: TaskRecord;
}

/** What is added to a queue's numbers. */
export interface QueueDelta {
  readonly queued: number;
  readonly running: number;
}

/** What one batch does to the queues: their numbers, what becomes claimable in them, and when something is due next. */
export class QueueBooks {
  /** Queues in which a task became claimable. */
  readonly ready = new Set<number>();
  /** The earliest backoff or attempt timeout that this batch set. */
  nextTime = Number.POSITIVE_INFINITY;
  readonly #deltas = new Map<number, { queued: number; running: number }>();
  /** Tasks that became claimable in this batch; they may be so no longer. */
  readonly #claimable = new Set<TaskHolder>();

  /** What this batch adds to the queues. */
  get deltas(): ReadonlyMap<number, QueueDelta> {
    return this.#deltas;
  }

  /** The task is no longer as it is in this record. */
  leave(task: TaskRecord): void {
    this.#count(task, -1);
  }

  /** The task is as in this record from now on. */
  enter(holder: TaskHolder): void {
    const task = holder.record;
    if (!this.#count(task, 1)) return;
    if (isClaimable(task)) {
      this.ready.add(task.queueId);
      this.#claimable.add(holder);
    }
    if (task.availableAt > 0) this.nextTime = Math.min(this.nextTime, task.availableAt);
    if (task.deadlineAt !== null) this.nextTime = Math.min(this.nextTime, task.deadlineAt);
  }

  /** Tasks that became claimable in this batch and still are. */
  claimableTasks(): TaskRecord[] {
    const tasks: TaskRecord[] = [];
    for (const { record } of this.#claimable) if (isClaimable(record)) tasks.push(record);
    return tasks;
  }

  /** Queues of the tasks that became claimable in this batch and still are. */
  claimableQueues(): number[] {
    const ids = new Set<number>();
    for (const { record } of this.#claimable) if (isClaimable(record)) ids.add(record.queueId);
    return [...ids];
  }

  /** Returns whether the task counts at all. */
  #count(task: TaskRecord, sign: 1 | -1): boolean {
    const queued = task.state === "QUEUED" && !task.held;
    if (!queued && task.state !== "RUNNING") return false;
    let delta = this.#deltas.get(task.queueId);
    if (delta === undefined) {
      delta = { queued: 0, running: 0 };
      this.#deltas.set(task.queueId, delta);
    }
    if (queued) delta.queued += sign;
    else delta.running += sign;
    return true;
  }
}
