import { randomBytes } from "node:crypto";

/**
 * A database name that nobody else uses, so that tests can share a server: each takes its own and drops it at its end, which matters on a
 * server that outlives the run (`MONGODB_URI`).
 */
export function freshDatabaseName(): string {
  return `taskgrove_test_${randomBytes(8).toString("hex")}`;
}
