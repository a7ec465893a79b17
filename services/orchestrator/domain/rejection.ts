/**
 * Why a command was refused. Refusals are expected and are values; a throw is a bug or a broken dependency.
 * `rpc/status.ts` holds the only table from reason to gRPC status.
 */
export type Reason =
  | "INVALID_ARGUMENT"
  | "LIMIT_EXCEEDED"
  | "MESSAGE_TOO_LARGE"
  | "VALUE_TOO_LARGE"
  | "INVALID_VERSION"
  | "INVALID_DEPENDENCY"
  | "CYCLIC_DEPENDENCIES"
  | "INVALID_OUTCOME"
  | "UNKNOWN_CLUSTER"
  | "JOB_NOT_FOUND"
  | "TASK_NOT_FOUND"
  | "CLUSTER_NOT_FOUND"
  | "VALUE_NOT_FOUND"
  | "CLUSTER_EXISTS"
  | "CLUSTER_IN_USE"
  | "IDEMPOTENCY_CONFLICT"
  | "JOB_COMPLETED"
  | "JOB_NOT_HALTED"
  | "STALE_LEASE"
  | "SESSION_SUPERSEDED"
  | "PROTOCOL_VIOLATION"
  | "UNAVAILABLE";

/** A refusal: a reason for machines and a sentence for people that names the field and the limit where there is one. */
export interface Rejection {
  readonly reason: Reason;
  readonly message: string;
}

/** Either a value or a refusal. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly rejection: Rejection };

/** Wraps a value. */
export function accept<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** Makes a refusal. */
export function reject(reason: Reason, message: string): { readonly ok: false; readonly rejection: Rejection } {
  return { ok: false, rejection: { reason, message } };
}
