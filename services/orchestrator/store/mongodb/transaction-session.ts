import type { ClientSession } from "mongodb";
import { type Connection, endTransactions } from "./database.ts";
import type { Replica } from "./replica.ts";

/**
 * The session in which a process's transactions run, one after another. It is the same one as long as all goes well, so that it is known which
 * one to end when the process dies (`Replica.runIn`). After a failure that leaves open what the server knows of a transaction there is a new one, before
 * which the old one is ended: what it wrote would be in the way.
 */
export class TransactionSession {
  readonly #connection: Connection;
  readonly #replica: Replica;
  #session: ClientSession | null = null;
  /** Sessions whose transactions the server may still hold open. */
  readonly #abandoned: ClientSession[] = [];
  #ending: Promise<void> = Promise.resolve();

  constructor(connection: Connection, replica: Replica) {
    this.#connection = connection;
    this.#replica = replica;
  }

  /** A session without a transaction. Throws when the database is away. */
  async ready(): Promise<ClientSession> {
    await this.#ending;
    await this.endAbandoned();
    if (this.#session !== null) return this.#session;
    const session = this.#connection.client.startSession({ causalConsistency: false });
    // Not the session itself is at stake if this fails, but that the others know of it.
    if (session.id !== undefined) await this.#replica.runIn(session.id);
    this.#session = session;
    return session;
  }

  /** Begins to end a transaction that is not to be committed; the next one waits for that. */
  abort(): void {
    const session = this.#session;
    if (session?.inTransaction()) this.#ending = session.abortTransaction().catch(() => this.abandon());
  }

  /** Leaves the session alone: it is not known what became of its transaction. */
  abandon(): void {
    if (this.#session !== null) this.#abandoned.push(this.#session);
    this.#session = null;
  }

  /** Ends the transactions of sessions that were left alone. Throws when the database is away. */
  async endAbandoned(): Promise<void> {
    if (this.#abandoned.length === 0) return;
    await endTransactions(
      this.#connection,
      this.#abandoned.flatMap(({ id }) => id ?? []),
    );
    for (const session of this.#abandoned.splice(0)) void session.endSession();
  }
}
