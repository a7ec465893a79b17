import { Metadata, type StatusObject, status } from "@grpc/grpc-js";
import type { Reason, Rejection } from "../domain/rejection.ts";
import type { EngineLogger } from "../engine/settings.ts";
import { StoreUnavailable } from "../store/store.ts";

/** The only table from a reason to a gRPC status code. */
export const STATUS_OF_REASON = {
  INVALID_ARGUMENT: status.INVALID_ARGUMENT,
  LIMIT_EXCEEDED: status.INVALID_ARGUMENT,
  MESSAGE_TOO_LARGE: status.RESOURCE_EXHAUSTED,
  VALUE_TOO_LARGE: status.RESOURCE_EXHAUSTED,
  INVALID_VERSION: status.INVALID_ARGUMENT,
  INVALID_DEPENDENCY: status.INVALID_ARGUMENT,
  CYCLIC_DEPENDENCIES: status.INVALID_ARGUMENT,
  INVALID_OUTCOME: status.INVALID_ARGUMENT,
  UNKNOWN_CLUSTER: status.NOT_FOUND,
  JOB_NOT_FOUND: status.NOT_FOUND,
  TASK_NOT_FOUND: status.NOT_FOUND,
  CLUSTER_NOT_FOUND: status.NOT_FOUND,
  VALUE_NOT_FOUND: status.NOT_FOUND,
  CLUSTER_EXISTS: status.ALREADY_EXISTS,
  CLUSTER_IN_USE: status.FAILED_PRECONDITION,
  IDEMPOTENCY_CONFLICT: status.ALREADY_EXISTS,
  JOB_COMPLETED: status.FAILED_PRECONDITION,
  JOB_NOT_HALTED: status.FAILED_PRECONDITION,
  STALE_LEASE: status.FAILED_PRECONDITION,
  SESSION_SUPERSEDED: status.ABORTED,
  PROTOCOL_VIOLATION: status.INVALID_ARGUMENT,
  UNAVAILABLE: status.UNAVAILABLE,
} as const satisfies Record<Reason, status>;

/** Trailing metadata key that carries the reason, for machines that need more than the status code. */
export const REASON_KEY = "taskgrove-reason";

/** Sentences travel in a header; one that quotes something long must not burst it. */
const MAX_DETAILS_LENGTH = 1_000;

/** What grpc-js takes as the failing end of a call. */
export type CallFailure = StatusObject & Error;

/** Makes the status that a refusal ends a call with. */
export function toCallFailure(rejection: Rejection): CallFailure {
  const metadata = new Metadata();
  metadata.set(REASON_KEY, rejection.reason);
  return callFailure(STATUS_OF_REASON[rejection.reason], rejection.message, metadata);
}

/** What callers are told when a handler threw: UNAVAILABLE when the store is away, otherwise INTERNAL, logged and without particulars. */
export function thrownToCallFailure(error: unknown, method: string, logger: EngineLogger): CallFailure {
  const rejection = storeAwayRejection(error, method, logger);
  if (rejection !== null) return toCallFailure(rejection);
  logger.error({ err: error, method }, "call failed unexpectedly");
  return callFailure(status.INTERNAL, "internal error; the orchestrator's log says more", new Metadata());
}

/** The refusal for a store that is away, logged; null when the error is something else. */
export function storeAwayRejection(error: unknown, method: string, logger: EngineLogger): Rejection | null {
  if (!(error instanceof StoreUnavailable)) return null;
  logger.warn({ err: error, method }, "store unavailable");
  return { reason: "UNAVAILABLE", message: "the store is not available at the moment; try again" };
}

function callFailure(code: status, details: string, metadata: Metadata): CallFailure {
  // grpc-js passes details through encodeURI, which throws on a lone surrogate.
  const sentence = details.slice(0, MAX_DETAILS_LENGTH).toWellFormed();
  return Object.assign(new Error(sentence), { code, details: sentence, metadata });
}
