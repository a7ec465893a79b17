import type { TaskIdentifier } from "./records.ts";
import { accept, type Result, reject } from "./rejection.ts";

const VERSION = /^v(\d+)\.(\d+)$/;

/** Parses a task identifier as it was sent. `field` names it in the refusal. */
export function parseIdentifier(
  raw: { readonly name: string; readonly version: string },
  maxNameLength: number,
  field: string,
): Result<TaskIdentifier> {
  if (raw.name.length === 0) return reject("INVALID_ARGUMENT", `${field}.name must not be empty`);
  if (characters(raw.name) > maxNameLength) {
    return reject("LIMIT_EXCEEDED", `${field}.name has more than ${maxNameLength} characters`);
  }
  const match = VERSION.exec(raw.version);
  const major = Number(match?.[1]);
  const minor = Number(match?.[2]);
  if (!Number.isSafeInteger(major) || !Number.isSafeInteger(minor)) {
    return reject("INVALID_VERSION", `${field}.version ${quote(raw.version)} must be of the form v1.2`);
  }
  return accept({ name: raw.name, major, minor });
}

/** Whether a runner registered for `runner` may execute a task submitted as `task`: same name and major, equal or higher minor. */
export function canRun(runner: TaskIdentifier, task: TaskIdentifier): boolean {
  return runner.name === task.name && runner.major === task.major && runner.minor >= task.minor;
}

/** The version text of an identifier. */
export function versionText(identifier: TaskIdentifier): string {
  return `v${identifier.major}.${identifier.minor}`;
}

/** Length in code points. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Quotes what a caller sent, cut so that a refusal stays readable. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
