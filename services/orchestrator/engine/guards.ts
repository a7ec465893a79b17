import type { TaskRecord, TaskState } from "../domain/records.ts";

/**
 * What one batch relies on without changing it. A store that others use too protects what a step writes, not what it has read: two steps could each
 * decide by what the other one is changing.
 */
export class Guards {
  readonly #tasks = new Set<string>();
  readonly #scopes = new Set<string>();
  readonly #sessions = new Set<string>();

  /** The batch relies on the task as it is. */
  task(id: string): void {
    this.#tasks.add(id);
  }

  /** The batch relies on the session being whoever's it was. */
  session(id: string): void {
    this.#sessions.add(id);
  }

  /**
   * A task has come to wait below an optional branch, which must not fail at the same time: the sweep of the failed branch would not see it, nobody
   * would ever skip it, and the join would hang. One that waited before is seen by the sweep either way.
   */
  waiting(before: TaskState | null, task: TaskRecord): void {
    if (task.scopeId === null || !waits(task.state)) return;
    if (before === null || !waits(before)) this.#scopes.add(task.scopeId);
  }

  get sessions(): readonly string[] {
    return [...this.#sessions];
  }

  /** The tasks, with all branches that enclose a scope. `find`: a task of this batch. */
  tasks(find: (id: string) => TaskRecord): Iterable<string> {
    if (this.#scopes.size === 0) return this.#tasks;
    const ids = new Set(this.#tasks);
    for (const scopeId of this.#scopes) {
      for (let id: string | null = scopeId; id !== null; id = find(id).scopeId) ids.add(id);
    }
    return ids;
  }
}

function waits(state: TaskState): boolean {
  return state === "QUEUED" || state === "BLOCKED";
}
