import {
  BSON,
  MongoAPIError,
  MongoBulkWriteError,
  MongoClientBulkWriteError,
  MongoClientClosedError,
  MongoError,
  MongoExpiredSessionError,
  MongoInvalidArgumentError,
  MongoNetworkError,
  MongoNetworkTimeoutError,
  MongoNotConnectedError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
  MongoTransactionError,
  MongoWriteConcernError,
} from "mongodb";
import { describe, expect, it } from "vitest";
import { StoreUnavailable } from "../store.ts";
import { type Failure, failureOf, translateError } from "./errors.ts";

type Case = readonly [what: string, error: unknown, failure: Failure];

function server(code: number, message = "some message", labels: readonly string[] = []): MongoServerError {
  return new MongoServerError({ code, message, errmsg: message, errorLabels: [...labels] });
}

const TRANSIENT = ["TransientTransactionError"];

const duplicate = (collection: string, index: string, key: string) =>
  `E11000 duplicate key error collection: some_database.${collection} index: ${index} dup key: { ${key} }`;

const DUPLICATE_SLOT = `Plan executor error during update :: caused by :: ${duplicate("replica", "_id_", "_id: 0")}`;
const DUPLICATE_KEY = duplicate("job", "job_by_idempotency_key", 'key: "some key"');
const DUPLICATE_QUEUE = duplicate("queue", "_id_", "_id: 7");
const DUPLICATE_TASK = duplicate("task", "_id_", '_id: "some task"');

function bulk(code: number, errmsg: string): MongoBulkWriteError {
  const report = { code, message: errmsg, writeErrors: [{ code, errmsg, index: 0 }] };
  return new MongoBulkWriteError(report as never, {} as never);
}

function clientBulk(code: number, message: string): MongoClientBulkWriteError {
  const error = new MongoClientBulkWriteError({ message: "a bulk write failed" });
  error.writeErrors.set(0, { code, message });
  return error;
}

function clientBulkBroken(cause: Error): MongoClientBulkWriteError {
  const error = new MongoClientBulkWriteError({ message: "a bulk write failed" });
  Object.defineProperty(error, "cause", { value: cause });
  return error;
}

const CASES: readonly Case[] = [
  // Another step was first.
  ["a write conflict", server(112, "WriteConflict", TRANSIENT), "conflict"],
  ["a write conflict in a bulk write", bulk(112, "WriteConflict"), "conflict"],
  ["a write conflict in a bulk write of several collections", clientBulk(112, "WriteConflict"), "conflict"],
  ["a bulk write that was refused as a whole", clientBulkBroken(server(112, "WriteConflict", TRANSIENT)), "conflict"],
  ["a lock that was not to be had", server(24, "LockTimeout", TRANSIENT), "conflict"],
  // The transaction is gone, and can be begun anew.
  ["NoSuchTransaction", server(251, "NoSuchTransaction", TRANSIENT), "conflict"],
  ["NoSuchTransaction without a label", server(251), "conflict"],
  ["TransactionTooOld", server(225), "conflict"],
  ["a transaction that was older than a minute", server(290, "TransactionExceededLifetimeLimitSeconds"), "conflict"],
  ["SnapshotUnavailable", server(246, "SnapshotUnavailable", TRANSIENT), "conflict"],
  ["SnapshotTooOld", server(239), "conflict"],
  ["a change of the catalog since the snapshot", server(117, "ConflictingOperationInProgress", TRANSIENT), "conflict"],
  ["an operation that was killed by another process", server(11_601, "Interrupted"), "conflict"],
  ["a cursor that went with its transaction", server(43, "CursorNotFound"), "conflict"],
  ["a killed cursor", server(237, "CursorKilled"), "conflict"],
  ["a cache too full for the transaction", server(365, "TemporarilyUnavailable", TRANSIENT), "conflict"],
  // Unique values.
  ["an idempotency key that another process has used", server(11_000, DUPLICATE_KEY), "duplicate"],
  ["the same in a bulk write", bulk(11_000, DUPLICATE_KEY), "duplicate"],
  ["the same in a bulk write of several collections", clientBulk(11_000, DUPLICATE_KEY), "duplicate"],
  ["a queue number that another process has given", clientBulk(11_000, DUPLICATE_QUEUE), "duplicate"],
  ["a queue that another process has made", server(11_000, duplicate("queue", "queue_by_key", "")), "duplicate"],
  ["a slot that is somebody else's", clientBulk(11_000, DUPLICATE_SLOT), "slot-lost"],
  ["a beat of somebody else", server(11_000, duplicate("beat", "_id_", "_id: 3")), "slot-lost"],
  ["a task that exists", clientBulk(11_000, DUPLICATE_TASK), "other"],
  ["numbers of a queue that exist", server(11_000, duplicate("queue_count", "_id_", '_id: "7/0"')), "other"],
  // What users choose says nothing.
  [
    "a key that looks like a slot",
    server(11_000, duplicate("job", "job_by_idempotency_key", 'key: "collection: a.replica index"')),
    "duplicate",
  ],
  [
    "an id that looks like a key",
    server(11_000, duplicate("job", "_id_", '_id: "index: job_by_idempotency_key "')),
    "other",
  ],
  // Not the one to ask now.
  ...[
    [6, "HostUnreachable"],
    [7, "HostNotFound"],
    [50, "MaxTimeMSExpired"],
    [64, "WriteConcernTimeout"],
    [79, "UnknownReplWriteConcern"],
    [89, "NetworkTimeout"],
    [91, "ShutdownInProgress"],
    [100, "UnsatisfiableWriteConcern"],
    [133, "FailedToSatisfyReadPreference"],
    [134, "ReadConcernMajorityNotAvailableYet"],
    [189, "PrimarySteppedDown"],
    [202, "NetworkInterfaceExceededTimeLimit"],
    [216, "ElectionInProgress"],
    [262, "ExceededTimeLimit"],
    [9_001, "SocketException"],
    [10_058, "LegacyNotPrimary"],
    [10_107, "NotWritablePrimary"],
    [11_600, "InterruptedAtShutdown"],
    [11_602, "InterruptedDueToReplStateChange"],
    [13_435, "NotPrimaryNoSecondaryOk"],
    [13_436, "NotPrimaryOrSecondary"],
  ].map(([code, name]): Case => [`${name}`, server(Number(code), `${name}`, TRANSIENT), "away"]),
  ["a primary that steps down in the middle of a bulk write", clientBulkBroken(server(11_602)), "away"],
  ["a password that is no longer right", server(18, "Authentication failed."), "away"],
  [
    "a write concern that was not met in time",
    new MongoWriteConcernError({ writeConcernError: { code: 64, errmsg: "late" }, ok: 1 }),
    "away",
  ],
  // No answer.
  ["a broken connection", new MongoNetworkError("broken"), "away"],
  ["an answer that does not come", new MongoNetworkTimeoutError("late"), "away"],
  ["no server in time", new MongoServerSelectionError("none", {} as never), "away"],
  ["a broken connection in a bulk write", clientBulkBroken(new MongoNetworkError("broken")), "away"],
  ["a closed client", new MongoClientClosedError(), "away"],
  ["a client that is not connected", new MongoNotConnectedError("not connected"), "away"],
  ["a closed topology", new MongoTopologyClosedError(), "away"],
  ["a session that has ended with its client", new MongoExpiredSessionError(), "away"],
  [
    "what a socket throws",
    Object.assign(new Error("write ECONNRESET"), { code: "ECONNRESET", errno: -104, syscall: "write" }),
    "away",
  ],
  [
    "a socket that the other side has closed",
    Object.assign(new Error("This socket has been ended by the other party"), { code: "EPIPE" }),
    "away",
  ],
  ["a socket that is gone", Object.assign(new Error("Socket is closed"), { code: "ERR_SOCKET_CLOSED" }), "away"],
  ["our own", new StoreUnavailable("away"), "away"],
  // Faults of the program.
  ["a value that cannot be stored", server(2, "BadValue"), "other"],
  ["a document that is too large", server(10_334, "BSONObjectTooLarge"), "other"],
  ["a transaction that is too large", server(257, "TransactionTooLarge"), "other"],
  ["a missing privilege", server(13, "Unauthorized"), "other"],
  ["a wrong argument", new MongoInvalidArgumentError("wrong"), "other"],
  ["a wrong use of a transaction", new MongoTransactionError("wrong"), "other"],
  ["a wrong use of the driver", new MongoAPIError("wrong"), "other"],
  ["a value that is no BSON", new BSON.BSONError("wrong"), "other"],
  ["an error of Node", Object.assign(new TypeError("wrong"), { code: "ERR_INVALID_ARG_TYPE" }), "other"],
  ["an error of the body", new TypeError("wrong"), "other"],
  ["no error at all", "wrong", "other"],
];

describe("failureOf", () => {
  it.each(CASES)("%s", (_, error, failure) => {
    expect(failureOf(error)).toBe(failure);
  });
});

describe("translateError", () => {
  it.each(CASES)("%s", (_, error, failure) => {
    const translated = translateError(error);
    if (failure === "away" || failure === "conflict") expect(translated).toBeInstanceOf(StoreUnavailable);
    else expect(translated).toBe(error);
  });

  it("says why the database is away, and keeps the error", () => {
    const error = new MongoNetworkError("connect ECONNREFUSED 127.0.0.1:1");
    const translated = translateError(error);
    expect(translated).toMatchObject({
      message: "MongoDB is not available: connect ECONNREFUSED 127.0.0.1:1",
      cause: error,
    });
  });
});

describe("the errors of this test", () => {
  it("are those of the driver", () => {
    expect(server(1)).toBeInstanceOf(MongoError);
    expect(clientBulkBroken(server(1)).cause).toBeInstanceOf(MongoServerError);
  });
});
