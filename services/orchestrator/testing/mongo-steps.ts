import type { CommandStartedEvent } from "mongodb";
import { freshDatabaseName } from "../../../scripts/mongodb/fresh-database-name.ts";
import { type Connection, openDatabase } from "../store/mongodb/database.ts";
import { Step } from "../store/mongodb/step.ts";

/** A database of its own for tests of the MongoDB driver's parts, one below the store: steps of any process, also several at once. */
export interface MongoSteps extends AsyncDisposable {
  readonly connection: Connection;
  /** Commands sent since this was opened, other than the ends of transactions. */
  readonly sent: readonly string[];
  /** Runs a step of the process with this slot (0 unless told otherwise) and commits it. Throws what its first and only attempt throws. */
  step<T>(body: (step: Step) => Promise<T> | T, slot?: number): Promise<T>;
  /**
   * Runs two steps of two processes which both read and write what they want before either commits; the second commits last, or, since it comes
   * too late, rejects.
   */
  collide(first: (step: Step) => Promise<void> | void, second: (step: Step) => Promise<void> | void): Promise<void>;
}

export async function openMongoSteps(uri: string): Promise<MongoSteps> {
  const sent: string[] = [];
  const onRoundTrip = ({ commandName }: CommandStartedEvent) => {
    if (!/^(commit|abort)Transaction$|^endSessions$/.test(commandName)) sent.push(commandName);
  };
  const connection = await openDatabase({ uri, database: freshDatabaseName(), onRoundTrip });

  /** A transaction that has taken its snapshot. */
  async function begin(slot: number) {
    const session = connection.client.startSession();
    session.startTransaction({ readConcern: { level: "snapshot" }, writeConcern: { w: "majority" } });
    const step = new Step(connection, session, slot, { slots: [slot], fromTasks: Number.POSITIVE_INFINITY });
    return {
      step,
      async read() {
        await step.find(connection.rows.meta, { _id: "schema" });
      },
      async commit() {
        await step.flush();
        await session.commitTransaction();
      },
      async [Symbol.asyncDispose]() {
        if (session.inTransaction()) await session.abortTransaction();
        await session.endSession();
      },
    };
  }

  return {
    connection,
    sent,
    async step(body, slot = 0) {
      await using transaction = await begin(slot);
      const value = await body(transaction.step);
      await transaction.commit();
      return value;
    },
    async collide(first, second) {
      await using one = await begin(0);
      await using other = await begin(1);
      await one.read();
      await other.read();
      await first(one.step);
      await one.commit();
      await second(other.step);
      await other.commit();
    },
    async [Symbol.asyncDispose]() {
      await connection.db.dropDatabase();
      await connection.client.close();
    },
  };
}
