import type { TaskIdentifier } from "../gen/taskgrove/v1/version.ts";
import type { TaskClass } from "../task.ts";
import { defineTask, type TaskDefinition } from "../task-definition.ts";

/** A class that a runner executes. */
export interface RegisteredTask {
  readonly definition: TaskDefinition;
  readonly taskClass: TaskClass;
}

/** What a runner can execute, by identifier. */
export class TaskRegistry {
  readonly #tasks: readonly RegisteredTask[];
  readonly #found = new Map<string, RegisteredTask | undefined>();

  /** @throws TypeError when there is none, or two have the same identifier. */
  constructor(taskClasses: readonly TaskClass[]) {
    if (taskClasses.length === 0) throw new TypeError("a runner needs at least one class of tasks");
    this.#tasks = taskClasses.map((taskClass) => ({ definition: defineTask(taskClass), taskClass }));
    const names = this.#tasks.map(({ definition }) => `${definition.name} ${definition.version}`);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice) throw new TypeError(`two classes of tasks have the identifier ${twice}`);
  }

  /** For the hello. */
  identifiers(): TaskIdentifier[] {
    return this.#tasks.map(({ definition: { name, version } }) => ({ name, version }));
  }

  /** The newest version that may execute what was submitted as this: the same major, and a minor that is not lower. */
  find({ name, version }: TaskIdentifier): RegisteredTask | undefined {
    const key = `${name} ${version}`;
    if (!this.#found.has(key)) this.#found.set(key, this.#search(name, version));
    return this.#found.get(key);
  }

  #search(name: string, version: string): RegisteredTask | undefined {
    const [major = -1, minor = -1] = version.slice(1).split(".").map(Number);
    return this.#tasks
      .filter(({ definition }) => definition.name === name && definition.major === major && definition.minor >= minor)
      .sort((a, b) => b.definition.minor - a.definition.minor)[0];
  }
}
