import type { Store } from "../store.ts";
import { type MongoOptions, openDatabase, SILENT } from "./database.ts";
import { translateError } from "./errors.ts";
import { Feed } from "./feed.ts";
import { createReads } from "./reads.ts";
import { Replica } from "./replica.ts";
import { within } from "./within.ts";
import { Writer } from "./writer.ts";

export type { MongoOptions } from "./database.ts";

/**
 * Opens the store on MongoDB, which any number of processes share. Throws `StoreUnavailable` with a sentence for people when there is no replica
 * set, when the database belongs to another program or was written by a later version, or when nothing answers.
 */
export async function openMongoStore(options: MongoOptions): Promise<Store> {
  const { logger = SILENT, beatMs = DEFAULT_BEAT_MS, patienceMs = DEFAULT_PATIENCE_MS, divideFrom } = options;
  const connection = await openDatabase(options);
  try {
    const replica = await Replica.join(connection, beatMs, logger);
    const feed = new Feed(connection, () => replica.slot, logger);
    const writer = new Writer(connection, replica, { patienceMs, divideFrom });
    return {
      sharing: "shared",
      ...createReads(connection, patienceMs, () => writer.isClosed),
      transact: (body) => writer.transact(body),
      onWakeup: (listener) => feed.listen(listener),
      async close() {
        if (writer.isClosed) return;
        // The step under way is finished, and others are told that this process is gone, unless the database does not answer.
        await writer.close(patienceMs);
        await within(LEAVE_MS, Promise.all([feed.stop(), replica.stop()]));
        // Breaks off whatever still waits for an answer.
        await within(LEAVE_MS, connection.client.close());
      },
    };
  } catch (error) {
    await connection.client.close();
    throw translateError(error);
  }
}

const DEFAULT_BEAT_MS = 1_000;
const DEFAULT_PATIENCE_MS = 5_000;
const LEAVE_MS = 1_000;
