import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { TaskContext } from "./context.ts";

/** A name and the version of the code that a task needs, for example `["example.com/ResizeImage", "v1.3"]`. */
export type Identifier = readonly [name: string, version: string];

/**
 * A task: an input and the code that runs with it. Derive from it, implement {@link execute}, give the class to a runner and
 * instances of it to `jobs.submit` or `context.submitSubtask`.
 *
 * Inputs are JSON: plain objects, arrays, strings, finite numbers, booleans and null. For raw bytes derive from {@link BytesTask}.
 * Statics of the class that are understood: `identifier` (default: the class name, `v0.0`), `schema` (a Standard Schema that
 * checks inputs at submission and before execution) and `encoding` (`"json"` or `"bytes"`).
 */
export abstract class Task<Input = void> {
  /** What the task runs with. At a runner, when the class has a schema, what the schema made of it. */
  readonly input: Input;

  constructor(...args: undefined extends Input ? [input?: Input] : [input: Input]) {
    this.input = args[0] as Input;
  }

  /**
   * The task's own code. When it returns, the task is computed and its subtasks exist, in one step; when it throws, the attempt has failed
   * and leaves no subtask behind.
   */
  abstract execute(context: TaskContext): Promise<void> | void;
}

/** A task whose input is raw bytes. */
export abstract class BytesTask extends Task<Uint8Array> {
  static readonly encoding = "bytes";
}

/** A task of any input. */
export type AnyTask = Task<unknown>;

/** A class of tasks, as a runner takes it. */
export interface TaskClass {
  new (input: never): AnyTask;
  readonly name: string;
  readonly identifier?: Identifier;
  readonly schema?: StandardSchemaV1;
  readonly encoding?: "json" | "bytes";
}

class NamedTask extends Task<unknown> {
  readonly identifier: Identifier;

  constructor(identifier: Identifier, input: unknown) {
    super(input);
    this.identifier = identifier;
  }

  override execute(): void {
    throw new Error("a task made by namedTask can only be submitted");
  }
}

/**
 * A task that is known by its identifier only, to submit work whose class is not at hand. A `Uint8Array` is sent as raw bytes, anything else
 * as JSON.
 */
export function namedTask(identifier: Identifier, input?: unknown): AnyTask {
  return new NamedTask(identifier, input);
}

/** The identifier that a task carries itself, when {@link namedTask} made it. */
export function ownIdentifier(task: AnyTask): Identifier | undefined {
  return task instanceof NamedTask ? task.identifier : undefined;
}
