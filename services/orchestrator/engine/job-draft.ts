import type { JobRecord, JobStatus, TaskCounts, TaskRecord, TaskState } from "../domain/records.ts";
import type { NewChangeEntry, TaskChangeEntry } from "../store/store.ts";

/** Steps in one entry of a change log, so that an entry fits into one message and one record. */
const CHANGES_PER_ENTRY = 1_000;

/** A job as one batch changes it, with what follows from changes of its tasks. */
export interface JobDraft {
  record: JobRecord;
  readonly counts: Record<TaskState, number>;
  readonly changes: TaskChangeEntry[];
  readonly before: JobStatus;
  isNew: boolean;
  dirty: boolean;
}

/** A job that this batch has not changed yet. */
export function newDraft(job: JobRecord): JobDraft {
  const counts: TaskCounts = job.counts;
  return { record: job, counts: { ...counts }, changes: [], before: job.status, isNew: false, dirty: false };
}

/** What the change log says about a task that has changed. */
export function stepOf(before: TaskRecord, next: TaskRecord): TaskChangeEntry {
  const step = { taskId: next.id, state: next.state, attempt: next.attempt };
  const display = before.display === next.display ? {} : { display: next.display };
  const failed = next.error !== null && next.error !== before.error;
  return failed && next.error !== null ? { ...step, ...display, error: next.error } : { ...step, ...display };
}

/** A job's entries in the change log: at least one. */
export function* entriesOf(job: JobRecord, changes: readonly TaskChangeEntry[]): Iterable<NewChangeEntry> {
  for (let from = 0; from === 0 || from < changes.length; from += CHANGES_PER_ENTRY) {
    yield { jobId: job.id, job, tasks: changes.slice(from, from + CHANGES_PER_ENTRY) };
  }
}
