import type { Rejection } from "../domain/rejection.ts";

/** What streams end with, and new ones are refused with, when the orchestrator stops. */
export const STOPPING: Rejection = {
  reason: "UNAVAILABLE",
  message: "this orchestrator stops; connect to another one",
};
