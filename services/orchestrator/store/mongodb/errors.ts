import { MongoBulkWriteError, MongoClientBulkWriteError, MongoError, MongoServerError } from "mongodb";
import { StoreUnavailable } from "../store.ts";

/** The slot of this store was taken over by another process. */
export class SlotLost extends Error {
  override readonly name = "SlotLost";
}

const WRITE_CONFLICT = 112;
const DUPLICATE_KEY = 11_000;
/** Answers of a server that says that it is not the one to ask now, or not able to answer: another one is, or it will be. */
const AWAY_CODES: ReadonlySet<number> = new Set([
  6, 7, 50, 89, 91, 189, 262, 317, 358, 384, 9001, 10_107, 11_600, 11_602, 13_435, 13_436,
]);
/** The transaction is unknown to the server: it has ended it for its age, or is another server than before. */
const TRANSACTION_GONE: ReadonlySet<number> = new Set([225, 228, 244, 246, 251, 256]);

/** What a failed database operation means for the step that it was part of. */
export type Failure =
  /** Another step was first: the same step on a new snapshot may succeed. */
  | "conflict"
  /** A unique value exists already that this step did not see, and would on a new snapshot. */
  | "duplicate"
  /** This process was taken for dead. */
  | "slot-lost"
  /** The database does not answer. */
  | "away"
  | "other";

interface ServerReport {
  readonly code: number;
  readonly message: string;
}

/** Sorts an error of the driver. */
export function failureOf(error: unknown): Failure {
  if (error instanceof StoreUnavailable) return "away";
  if (!(error instanceof MongoError)) return "other";
  const reports = reportsOf(error);
  if (reports.some(({ code, message }) => code === DUPLICATE_KEY && isSlotKey(message))) return "slot-lost";
  if (reports.some(({ code, message }) => code === DUPLICATE_KEY && isSharedKey(message))) return "duplicate";
  if (reports.some(({ code }) => code === WRITE_CONFLICT || TRANSACTION_GONE.has(code))) return "conflict";
  if (reports.some(({ code }) => code === DUPLICATE_KEY)) return "other";
  if (reports.some(({ code }) => AWAY_CODES.has(code)) || !isFromServer(error)) return "away";
  return error.hasErrorLabel("TransientTransactionError") ? "conflict" : "other";
}

/** What a store throws for an error of the driver. */
export function translateError(error: unknown): unknown {
  if (failureOf(error) !== "away" || error instanceof StoreUnavailable) return error;
  return new StoreUnavailable("MongoDB does not answer", { cause: error });
}

/** All that the server said: a bulk write reports the failures of its parts. */
function reportsOf(error: MongoError): ServerReport[] {
  const reports: ServerReport[] = [];
  const add = (code: unknown, message: string) => {
    if (typeof code === "number") reports.push({ code, message });
  };
  if (error instanceof MongoClientBulkWriteError) {
    for (const { code, message } of error.writeErrors.values()) add(code, message);
  } else if (error instanceof MongoBulkWriteError) {
    for (const { code, errmsg } of [error.writeErrors].flat()) add(code, errmsg ?? "");
  }
  add(error.code, error.message);
  if (error.cause instanceof MongoError) reports.push(...reportsOf(error.cause));
  return reports;
}

/** Everything else comes from the driver itself: no connection, no primary, no answer in time, a closed client. */
function isFromServer(error: MongoError): boolean {
  if (error instanceof MongoClientBulkWriteError) {
    return error.writeErrors.size > 0 || (error.cause instanceof MongoError && isFromServer(error.cause));
  }
  return error instanceof MongoServerError || error instanceof MongoBulkWriteError;
}

function isSlotKey(message: string): boolean {
  return /\bcollection: \S+\.(?:replica|beat) /.test(message);
}

/** Keys that two processes may come to write at the same time. */
function isSharedKey(message: string): boolean {
  return message.includes("job_by_idempotency_key") || message.includes("queue_by_key") || /\.queue\b/.test(message);
}
