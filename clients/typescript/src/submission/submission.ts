import type { TaskGroup, TaskSubmission, TaskSubmissions, TaskTemplate } from "../gen/taskgrove/v1/task.ts";
import { encodeInput, validateInput } from "../input.ts";
import type { AnyTask } from "../task.ts";
import { definitionOf, type TaskDefinition } from "../task-definition.ts";
import { DependencySets } from "./dependency-sets.ts";
import { groupTasks } from "./grouping.ts";
import { type SubtaskOptions, TaskHandle, type TaskOptions } from "./options.ts";
import { createTemplate, templateKey } from "./template.ts";

const noOptions: SubtaskOptions = {};

/** Collects the tasks of one submission (subtasks of one attempt, or root tasks of one job) until it is sent. */
export class Submission {
  readonly #defaults: TaskOptions;
  readonly #templates: TaskTemplate[] = [];
  readonly #templatesByKey = new Map<string, number>();
  readonly #tasks: TaskSubmission[] = [];
  readonly #setIds: number[] = [];
  readonly #owner: object;
  readonly #dependencySets: DependencySets;
  readonly #validations: Promise<unknown>[] = [];

  /** `defaults` hold where a task's own options say nothing. `owner`: whose handles are accepted; else only the submission's own. */
  constructor(defaults: TaskOptions = {}, owner?: object) {
    this.#defaults = defaults;
    this.#owner = owner ?? this;
    this.#dependencySets = new DependencySets(this.#owner);
  }

  /** How many tasks were added. */
  get size(): number {
    return this.#tasks.length;
  }

  /**
   * Adds a task.
   *
   * @throws InvalidInputError when the input cannot be serialised, or a synchronous schema refuses it.
   * @throws TypeError for an option out of range or a dependency that is not of this submission.
   */
  add(task: AnyTask, options: SubtaskOptions = noOptions): TaskHandle {
    const definition = definitionOf(task);
    const input = encodeInput(definition, task.input);
    this.#validate(definition, task.input);
    const template = this.#internTemplate(definition, { ...this.#defaults, ...definedOnly(options) });
    // Last: a set that no task uses would split groups.
    this.#setIds.push(this.#dependencySets.intern(options.dependsOn));
    const display = options.display ?? this.#defaults.display ?? "";
    return new TaskHandle(this.#owner, this.#tasks.push({ template, input, display }) - 1);
  }

  /** When a schema is asynchronous: resolves once all inputs are valid, or rejects with an InvalidInputError. */
  get validation(): Promise<unknown> | undefined {
    return this.#validations.length === 0 ? undefined : Promise.all(this.#validations);
  }

  /** The whole submission as groups. */
  toMessage(): TaskSubmissions {
    const groups = groupTasks(this.#setIds, this.#dependencySets).map((group): TaskGroup => {
      const tasks = group.tasks.flatMap((task) => this.#tasks[task] ?? []);
      return { dependsOn: [...group.dependsOn], tasks };
    });
    return { templates: this.#templates, groups, firstGroup: 0 };
  }

  #validate(definition: TaskDefinition, input: unknown): void {
    const validation = validateInput(definition, input);
    if (!(validation instanceof Promise) || !definition.schema) return;
    // It is awaited later: until then its rejection must not count as unhandled.
    validation.catch(() => {});
    this.#validations.push(validation);
  }

  #internTemplate(definition: TaskDefinition, options: TaskOptions): number {
    const key = templateKey(definition, options);
    let template = this.#templatesByKey.get(key);
    if (template === undefined) {
      template = this.#templates.push(createTemplate(definition, options)) - 1;
      this.#templatesByKey.set(key, template);
    }
    return template;
  }
}

function definedOnly(options: SubtaskOptions): SubtaskOptions {
  return options === noOptions
    ? noOptions
    : (Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as SubtaskOptions);
}
