import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type AnyTask, type Identifier, ownIdentifier, type TaskClass } from "./task.ts";

/** What is known of a class of tasks, or of one task that carries its identifier itself. */
export interface TaskDefinition {
  readonly name: string;
  /** Version text, for example `v1.3`. */
  readonly version: string;
  readonly major: number;
  readonly minor: number;
  /** `auto`: bytes for a `Uint8Array`, JSON for the rest. */
  readonly encoding: "json" | "bytes" | "auto";
  readonly schema: StandardSchemaV1 | undefined;
}

const definitions = new WeakMap<TaskClass, TaskDefinition>();
const versionPattern = /^v(\d+)\.(\d+)$/;

/**
 * Reads a class's statics. The identifier is only taken from the class itself, never from a base class: two classes
 * with one identifier would be a mistake.
 *
 * @throws TypeError for an empty name or a bad version.
 */
export function defineTask(taskClass: TaskClass): TaskDefinition {
  const known = definitions.get(taskClass);
  if (known) return known;
  const own = Object.hasOwn(taskClass, "identifier") ? taskClass.identifier : undefined;
  const definition = {
    ...parseIdentifier(own ?? [taskClass.name, "v0.0"]),
    encoding: taskClass.encoding ?? "json",
    schema: taskClass.schema,
  };
  definitions.set(taskClass, definition);
  return definition;
}

/** The definition of a task that is submitted. Errors as {@link defineTask}. */
export function definitionOf(task: AnyTask): TaskDefinition {
  const identifier = ownIdentifier(task);
  if (identifier) return { ...parseIdentifier(identifier), encoding: "auto", schema: undefined };
  return defineTask(task.constructor as unknown as TaskClass);
}

function parseIdentifier([name, version]: Identifier): Pick<TaskDefinition, "name" | "version" | "major" | "minor"> {
  const match = versionPattern.exec(version);
  if (name === "") throw new TypeError("a task needs a name: give its class a name or a static identifier");
  if (!match) throw new TypeError(`version ${JSON.stringify(version)} of task ${name} must look like "v1.3"`);
  return { name, version, major: Number(match[1]), minor: Number(match[2]) };
}
