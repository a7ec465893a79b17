import { type ServiceError, status } from "@grpc/grpc-js";

/**
 * Throw this from {@link Task.execute} when trying again is pointless: the task fails for good, whatever retries are left.
 */
export class NonRetryableError extends Error {
  override readonly name: string = "NonRetryableError";
}

/** An input that cannot be submitted or executed: not serialisable, or refused by the task's schema. Never retried. */
export class InvalidInputError extends NonRetryableError {
  override readonly name = "InvalidInputError";
  /** Where the culprit is, for example `input.tiles[3].bounds`. */
  readonly path: string;

  constructor(path: string, problem: string) {
    super(`${path} ${problem}`);
    this.path = path;
  }
}

/** Something that the orchestrator refused, or a connection that failed. The only class of errors that the client throws. */
export class TaskgroveError extends Error {
  override readonly name = "TaskgroveError";
  /** The gRPC status by name, for example `NOT_FOUND`, `INVALID_ARGUMENT` or `UNAVAILABLE`. */
  readonly code: string;
  /** The reason for machines, for example `STALE_LEASE`. The code when the orchestrator gave none. */
  readonly reason: string;

  constructor(code: string, reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.reason = reason;
  }
}

/** Metadata key in which the orchestrator sends the reason of a refusal. */
const reasonMetadataKey = "taskgrove-reason";

/** The name of a numeric gRPC status, for example `NOT_FOUND`. */
export function statusName(code: number): string {
  return status[code] ?? "UNKNOWN";
}

/** Makes a {@link TaskgroveError} of whatever a gRPC call gave. Anything else is returned unchanged in its `cause`. */
export function toTaskgroveError(error: unknown): TaskgroveError {
  if (error instanceof TaskgroveError) return error;
  if (!isServiceError(error)) {
    const message = error instanceof Error ? error.message : String(error);
    return new TaskgroveError("UNKNOWN", "UNKNOWN", message, { cause: error });
  }
  const code = statusName(error.code);
  const reason = error.metadata?.get(reasonMetadataKey)[0];
  return new TaskgroveError(code, reason === undefined ? code : String(reason), error.details || error.message, {
    cause: error,
  });
}

/** Whether the orchestrator, or the way to it, was lost: what became of the request is not known. */
export function isOutage({ code }: TaskgroveError): boolean {
  // A server that is shut down by force cancels its calls.
  return code === "UNAVAILABLE" || code === "CANCELLED";
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error;
}
