import type { handleUnaryCall, Metadata } from "@grpc/grpc-js";
import type { Rejection, Result } from "../domain/rejection.ts";
import type { Engine } from "../engine/api.ts";
import type { EngineLogger } from "../engine/settings.ts";
import type { QueueDirectory } from "./queue-directory.ts";
import { thrownToCallFailure, toCallFailure } from "./status.ts";

/** What every service needs. */
export interface RpcContext {
  readonly engine: Engine;
  readonly logger: EngineLogger;
  readonly queues: QueueDirectory;
}

/** Makes a grpc-js handler of a function from a request to a response or a refusal. */
export function unary<Request, Response>(
  context: RpcContext,
  method: string,
  handle: (request: Request) => Promise<Result<Response>>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    handle(call.request).then(
      (result) => (result.ok ? callback(null, result.value) : callback(toCallFailure(result.rejection))),
      (error: unknown) => callback(thrownToCallFailure(error, method, context.logger)),
    );
  };
}

/** The part of a streaming call that ends it. */
export interface EndableCall {
  emit(event: "error", error: Error): boolean;
  end(metadata?: Metadata): void;
}

/** Ends a streaming call with a refusal, behind everything that was written before. */
export function endWithRejection(call: EndableCall, rejection: Rejection): void {
  call.emit("error", toCallFailure(rejection));
}

/** Ends a streaming call whose handler threw. */
export function endWithThrown(call: EndableCall, error: unknown, method: string, logger: EngineLogger): void {
  call.emit("error", thrownToCallFailure(error, method, logger));
}

/** Resolves when a stream that refused a write takes more, or at once when it was cancelled. */
export function drained(call: DrainableCall): Promise<void> {
  if (call.cancelled) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      call.removeListener("drain", done);
      call.removeListener("cancelled", done);
      resolve();
    };
    call.on("drain", done);
    call.on("cancelled", done);
  });
}

/**
 * Whether the caller half-closed a stream that has just ended. A stream that breaks looks the same for a moment: Node ends the readable
 * side of a reset HTTP/2 stream first and closes it afterwards, within the same turn of the event loop.
 */
export async function endedOnPurpose(call: { readonly cancelled: boolean }): Promise<boolean> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  return !call.cancelled;
}

/** The part of a streaming call that says when it takes more. */
export interface DrainableCall {
  readonly cancelled: boolean;
  on(event: "drain" | "cancelled", listener: () => void): unknown;
  removeListener(event: "drain" | "cancelled", listener: () => void): unknown;
}
