import type { WriteSet } from "../store/store.ts";

/** Names of the records that steps write, and of those that they guard. Jobs are left out: a store counts their tasks without such conflicts. */
export function recordsOf(writes: readonly WriteSet[]): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (kind: string, ids: readonly string[]) => {
    for (const id of ids) names.add(`${kind} ${id}`);
  };
  for (const changes of writes) {
    add("task", [...idsOf(changes.insertTasks?.map((item) => item.task)), ...idsOf(changes.updateTasks)]);
    add("task", changes.guardTasks ?? []);
    add("group", [...idsOf(changes.insertGroups), ...idsOf(changes.updateGroups)]);
    add("session", [...idsOf(changes.putSessions), ...(changes.deleteSessions ?? [])]);
    add("session", [...idsOf(changes.extendSessions), ...(changes.guardSessions ?? [])]);
    add("work", [...idsOf(changes.putWork), ...(changes.deleteWork ?? [])]);
    add("job", [...idsOf(changes.insertJobs), ...idsOf(changes.updateJobs)]);
  }
  return names;
}

/** Whether one step would have to wait for the other. */
export function meets(one: readonly WriteSet[], other: readonly WriteSet[]): boolean {
  const names = recordsOf(other);
  return [...recordsOf(one)].some((name) => !name.startsWith("job ") && names.has(name));
}

/** The same without the records of jobs that are among these: their counts would be out of date. */
export function withoutJobs(writes: readonly WriteSet[], names: ReadonlySet<string>): WriteSet[] {
  return writes.map((changes) =>
    changes.updateJobs === undefined
      ? changes
      : { ...changes, updateJobs: changes.updateJobs.filter((job) => !names.has(`job ${job.id}`)) },
  );
}

function idsOf(records: readonly { readonly id: string }[] = []): string[] {
  return records.map((record) => record.id);
}
