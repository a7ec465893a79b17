import type { StandardSchemaV1 } from "@standard-schema/spec";
import { InvalidInputError } from "./errors.ts";
import type { TaskDefinition } from "./task-definition.ts";

const maxDepth = 500;
const noBytes = Buffer.alloc(0);
const textDecoder = new TextDecoder("utf-8", { fatal: true });

/**
 * The bytes of an input. `undefined` is no bytes at all.
 *
 * @throws InvalidInputError naming the path of what cannot be carried.
 */
export function encodeInput(definition: Pick<TaskDefinition, "encoding">, input: unknown): Buffer {
  if (input instanceof Uint8Array && definition.encoding !== "json") {
    return Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  }
  if (definition.encoding === "bytes") throw new InvalidInputError("input", "must be a Uint8Array");
  if (input === undefined) return noBytes;
  return encodeJson(input, "input");
}

/** What {@link encodeInput} took. @throws InvalidInputError when the bytes are not JSON. */
export function decodeInput(definition: Pick<TaskDefinition, "encoding">, bytes: Uint8Array): unknown {
  if (definition.encoding === "bytes") return bytes;
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(textDecoder.decode(bytes));
  } catch (error) {
    throw new InvalidInputError("input", `is not JSON: ${(error as Error).message}`);
  }
}

/** A value as JSON, refusing whatever would not come back as it was. `root` names the value in errors. */
export function encodeJson(value: unknown, root: string): Buffer {
  checkJson(value, root, []);
  return Buffer.from(JSON.stringify(value));
}

/**
 * Runs the task's schema over an input and gives what the schema made of it.
 *
 * @throws InvalidInputError (or rejects with it, for an asynchronous schema) with the first issue.
 */
export function validateInput(definition: Pick<TaskDefinition, "schema">, input: unknown): unknown | Promise<unknown> {
  if (!definition.schema) return input;
  const result = definition.schema["~standard"].validate(input);
  return result instanceof Promise ? result.then(acceptResult) : acceptResult(result);
}

function acceptResult(result: StandardSchemaV1.Result<unknown>): unknown {
  const issue = result.issues?.[0];
  if (!issue) return (result as StandardSchemaV1.SuccessResult<unknown>).value;
  const keys = (issue.path ?? []).map((segment) => (typeof segment === "object" ? segment.key : segment));
  throw new InvalidInputError(keys.reduce(childPath, "input"), `is refused by the schema: ${issue.message}`);
}

function checkJson(value: unknown, path: string | PathNode, ancestors: object[]): void {
  switch (typeof value) {
    case "string":
    case "boolean":
      return;
    case "number":
      if (!Number.isFinite(value)) refuse(path, `is ${value}, which JSON cannot carry`);
      return;
    case "object":
      if (value !== null) checkContainer(value, path, ancestors);
      return;
    default:
      refuse(path, `is of type ${typeof value}, which JSON cannot carry`);
  }
}

/** A path that is only written out when it is needed, which is almost never. */
interface PathNode {
  readonly parent: string | PathNode;
  readonly key: PropertyKey;
}

function checkContainer(value: object, path: string | PathNode, ancestors: object[]): void {
  if (ancestors.includes(value)) refuse(path, "contains itself");
  if (ancestors.length >= maxDepth) refuse(path, `is nested deeper than ${maxDepth} levels`);
  ancestors.push(value);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) checkJson(value[index], { parent: path, key: index }, ancestors);
  } else {
    checkPlain(value, path);
    for (const key of Object.keys(value)) {
      const member = (value as Record<string, unknown>)[key];
      if (member !== undefined) checkJson(member, { parent: path, key }, ancestors);
    }
  }
  ancestors.pop();
}

function checkPlain(value: object, path: string | PathNode): void {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    refuse(path, `is an instance of ${prototype.constructor?.name ?? "a class"}, not a plain object`);
  }
  if ("toJSON" in value) refuse(path, "has a toJSON method, so that it would not come back as it was");
}

function refuse(path: string | PathNode, problem: string): never {
  throw new InvalidInputError(formatPath(path), problem);
}

function formatPath(path: string | PathNode): string {
  return typeof path === "string" ? path : childPath(formatPath(path.parent), path.key);
}

function childPath(parent: string, key: PropertyKey): string {
  if (typeof key === "number") return `${parent}[${key}]`;
  if (typeof key === "string" && /^[A-Za-z_$][\w$]*$/.test(key)) return `${parent}.${key}`;
  return `${parent}[${JSON.stringify(String(key))}]`;
}
