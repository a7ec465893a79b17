import {
  MongoAPIError,
  MongoBulkWriteError,
  MongoClientBulkWriteError,
  MongoClientClosedError,
  MongoError,
  MongoExpiredSessionError,
  MongoNotConnectedError,
  MongoServerClosedError,
  MongoServerError,
  MongoTopologyClosedError,
} from "mongodb";
import { StoreUnavailable } from "../store.ts";

const DUPLICATE_KEY = 11_000;
/** Another transaction was first, or this one is gone: for its age, with its server, ended by another process. */
const CONFLICT_CODES: ReadonlySet<number> = new Set([
  43, // CursorNotFound
  112, // WriteConflict
  225, // TransactionTooOld
  237, // CursorKilled
  239, // SnapshotTooOld
  246, // SnapshotUnavailable
  251, // NoSuchTransaction
  290, // TransactionExceededLifetimeLimitSeconds
  11_601, // Interrupted
]);
/** Answers of a server that says that it is not the one to ask now, or not able to answer: another one is, or it will be. */
const AWAY_CODES: ReadonlySet<number> = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  18, // AuthenticationFailed
  50, // MaxTimeMSExpired
  64, // WriteConcernTimeout
  79, // UnknownReplWriteConcern
  89, // NetworkTimeout
  91, // ShutdownInProgress
  100, // UnsatisfiableWriteConcern
  133, // FailedToSatisfyReadPreference
  134, // ReadConcernMajorityNotAvailableYet
  189, // PrimarySteppedDown
  202, // NetworkInterfaceExceededTimeLimit
  216, // ElectionInProgress
  262, // ExceededTimeLimit
  9_001, // SocketException
  10_058, // LegacyNotPrimary
  10_107, // NotWritablePrimary
  11_600, // InterruptedAtShutdown
  11_602, // InterruptedDueToReplStateChange
  13_435, // NotPrimaryNoSecondaryOk
  13_436, // NotPrimaryOrSecondary
]);

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
  if (!(error instanceof MongoError)) return isSocketError(error) ? "away" : "other";
  const reports = reportsOf(error);
  const duplicate = reports.find(({ code }) => code === DUPLICATE_KEY);
  if (duplicate !== undefined) return failureOfDuplicate(duplicate.message);
  if (reports.some(({ code }) => CONFLICT_CODES.has(code))) return "conflict";
  if (reports.some(({ code }) => AWAY_CODES.has(code)) || isSilence(error)) return "away";
  return error.hasErrorLabel("TransientTransactionError") ? "conflict" : "other";
}

/** What a store throws for an error of the driver that is not its caller's fault and that it does not try again itself. */
export function translateError(error: unknown): unknown {
  const failure = failureOf(error);
  if (error instanceof StoreUnavailable || (failure !== "away" && failure !== "conflict")) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new StoreUnavailable(`MongoDB is not available: ${reason}`, { cause: error });
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

/** Comes from the driver itself, and is none of its complaints: no connection, no primary, no answer in time, a closed client. */
function isSilence(error: MongoError): boolean {
  if (error instanceof MongoClientBulkWriteError) {
    return error.writeErrors.size === 0 && error.cause instanceof MongoError && isSilence(error.cause);
  }
  if (error instanceof MongoServerError || error instanceof MongoBulkWriteError) return false;
  return !(error instanceof MongoAPIError) || CLOSED.some((closed) => error instanceof closed);
}

const CLOSED = [
  MongoClientClosedError,
  MongoExpiredSessionError,
  MongoNotConnectedError,
  MongoServerClosedError,
  MongoTopologyClosedError,
];

/** What Node itself says of a socket that the other side has closed: no system call fails then. */
const CLOSED_SOCKET_CODES: ReadonlySet<unknown> = new Set([
  "EPIPE",
  "ERR_SOCKET_CLOSED",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_WRITE_AFTER_END",
]);

/** The driver lets through what a socket throws while something is written to it. */
function isSocketError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ("syscall" in error && "errno" in error) || ("code" in error && CLOSED_SOCKET_CODES.has(error.code));
}

/** Which unique index it was; the value that comes behind it may be anything. */
const WHERE = /duplicate key error collection: \S+?\.(\S+) index: (\S+)/;

function failureOfDuplicate(message: string): Failure {
  const [, collection, index] = WHERE.exec(message) ?? [];
  if (collection === "replica" || collection === "beat") return "slot-lost";
  // Two processes may come to write these at the same time.
  return collection === "queue" || index === "job_by_idempotency_key" ? "duplicate" : "other";
}
