import { type ClientSession, MongoError, MongoNetworkError } from "mongodb";

/**
 * Commits. Throws errors of the driver alone: when a socket fails while it is written to, the driver (7.9) lets through what the socket threw, or trips
 * over that with a TypeError. Either way it is the connection that failed, and it is not known what became of the commit.
 */
export async function commit(session: ClientSession): Promise<void> {
  try {
    await session.commitTransaction();
  } catch (error) {
    if (error instanceof MongoError) throw error;
    throw new MongoNetworkError("the connection broke during a commit", { cause: error as Error });
  }
}
