import type { Duration } from "../gen/google/protobuf/duration.ts";
import type { RetryPolicy as RetryPolicyMessage, TaskTemplate } from "../gen/taskgrove/v1/task.ts";
import type { TaskDefinition } from "../task-definition.ts";
import type { TaskOptions } from "./options.ts";

/** The template of a task: all that is sent once for many tasks. @throws TypeError naming an option out of range. */
export function createTemplate(definition: TaskDefinition, options: TaskOptions): TaskTemplate {
  return {
    identifier: { name: definition.name, version: definition.version },
    cluster: options.cluster ?? "",
    retry: createRetryPolicy(options),
    optional: options.optional ?? false,
    priority: options.priority === undefined ? undefined : checkInteger("priority", options.priority, -(2 ** 31)),
    attemptTimeout: toDuration("attemptTimeoutMs", options.attemptTimeoutMs),
    display: "",
  };
}

/** Equal keys, equal templates. */
export function templateKey(definition: TaskDefinition, options: TaskOptions): string {
  const retry = options.retry;
  return JSON.stringify([
    definition.name,
    definition.version,
    options.cluster,
    options.maxRetries ?? retry?.maxRetries,
    retry && [retry.initialBackoffMs, retry.multiplier, retry.maxBackoffMs, retry.jitter],
    options.optional,
    options.priority,
    options.attemptTimeoutMs,
  ]);
}

function createRetryPolicy(options: TaskOptions): RetryPolicyMessage | undefined {
  const retry = options.retry ?? {};
  const maxRetries = options.maxRetries ?? retry.maxRetries;
  if (maxRetries === undefined && options.retry === undefined) return undefined;
  return {
    maxRetries: checkInteger("maxRetries", maxRetries ?? 0, 0),
    initialBackoff: toDuration("retry.initialBackoffMs", retry.initialBackoffMs),
    multiplier: retry.multiplier ?? 0,
    maxBackoff: toDuration("retry.maxBackoffMs", retry.maxBackoffMs),
    jitter: retry.jitter ?? 0,
  };
}

function checkInteger(option: string, value: number, least: number): number {
  if (!Number.isInteger(value) || value < least || value >= 2 ** 31) {
    throw new TypeError(`${option} must be a whole number from ${least} on, not ${value}`);
  }
  return value;
}

function toDuration(option: string, milliseconds: number | undefined): Duration | undefined {
  if (milliseconds === undefined) return undefined;
  if (!Number.isFinite(milliseconds) || milliseconds < 0) {
    throw new TypeError(`${option} must be a number of milliseconds from 0 on, not ${milliseconds}`);
  }
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nanos: Math.round((milliseconds - seconds * 1000) * 1e6) };
}
