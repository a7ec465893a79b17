import type { DatabaseSync } from "node:sqlite";
import type { SessionRecord, TaskIdentifier } from "../../domain/records.ts";
import type { Page, PageRequest, SessionWithRunning, WriteSet } from "../store.ts";
import { type Command, command, type Query, query } from "./query.ts";

type SessionRow = readonly [
  id: string,
  runnerName: string,
  cluster: string,
  identifiers: string,
  epoch: number,
  connectedAt: number,
  expiresAt: number,
];

type IdentifierTuple = readonly [name: string, major: number, minor: number];

const COLUMNS = "id, runner_name, cluster, identifiers, epoch, connected_at, expires_at";

/** Sessions as the writing connection sees them. */
export class SessionTable {
  readonly #byId: Query<SessionRow>;
  readonly #expired: Query<SessionRow>;
  readonly #ofCluster: Query<[number]>;
  readonly #put: Command;
  readonly #extend: Command;
  readonly #delete: Command;

  constructor(db: DatabaseSync) {
    this.#byId = query(db, `SELECT ${COLUMNS} FROM session WHERE id = ?`);
    this.#expired = query(
      db,
      `SELECT ${COLUMNS} FROM session INDEXED BY session_by_expiry WHERE expires_at <= ? ORDER BY expires_at LIMIT ?`,
    );
    this.#ofCluster = query(db, "SELECT 1 FROM session WHERE cluster = ? LIMIT 1");
    this.#put = command(db, `INSERT OR REPLACE INTO session (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`);
    this.#extend = command(db, "UPDATE session SET expires_at = ? WHERE id = ? AND epoch = ?");
    this.#delete = command(db, "DELETE FROM session WHERE id = ?");
  }

  load(ids: readonly string[]): SessionRecord[] {
    const sessions: SessionRecord[] = [];
    for (const id of ids) {
      const row = this.#byId.get(id);
      if (row !== undefined) sessions.push(decodeSession(row));
    }
    return sessions;
  }

  expired(now: number, limit: number): SessionRecord[] {
    return this.#expired.all(now, limit).map(decodeSession);
  }

  existIn(cluster: string): boolean {
    return this.#ofCluster.get(cluster) !== undefined;
  }

  put(sessions: readonly SessionRecord[]): void {
    for (const session of sessions) {
      const { id, runnerName, cluster, epoch, connectedAt, expiresAt } = session;
      const identifiers = session.identifiers.map(({ name, major, minor }): IdentifierTuple => [name, major, minor]);
      this.#put.run(id, runnerName, cluster, JSON.stringify(identifiers), epoch, connectedAt, expiresAt);
    }
  }

  extend(extensions: NonNullable<WriteSet["extendSessions"]>): void {
    for (const { id, epoch, expiresAt } of extensions) this.#extend.run(expiresAt, id, epoch);
  }

  delete(ids: readonly string[]): void {
    for (const id of ids) this.#delete.run(id);
  }
}

/** Lists sessions. */
export class SessionReader {
  readonly #all: Query<[...SessionRow, number]>;
  readonly #ofCluster: Query<[...SessionRow, number]>;

  constructor(db: DatabaseSync) {
    const running =
      "(SELECT count(*) FROM task INDEXED BY task_running WHERE state = 2 AND session_id = session.id) AS running";
    const behind = "(connected_at, id) > (?, ?) ORDER BY connected_at, id LIMIT ?";
    const select = `SELECT ${COLUMNS}, ${running} FROM session INDEXED BY`;
    this.#all = query(db, `${select} session_by_connection WHERE ${behind}`);
    this.#ofCluster = query(db, `${select} session_by_cluster WHERE cluster = ? AND ${behind}`);
  }

  list(cluster: string | null, page: PageRequest): Page<SessionWithRunning> {
    const after = decodeCursor(page.after);
    if (after === null) return { items: [], next: null };
    const [connectedAt, id] = after;
    const rows =
      cluster === null
        ? this.#all.all(connectedAt, id, page.limit + 1)
        : this.#ofCluster.all(cluster, connectedAt, id, page.limit + 1);
    const hasMore = rows.length > page.limit;
    if (hasMore) rows.pop();
    const items = rows.map((row) => {
      const [id, runnerName, cluster, identifiers, epoch, connectedAt, expiresAt, running] = row;
      return { session: decodeSession([id, runnerName, cluster, identifiers, epoch, connectedAt, expiresAt]), running };
    });
    const last = items.at(-1)?.session;
    return { items, next: hasMore && last !== undefined ? `${last.connectedAt}.${last.id}` : null };
  }
}

function decodeSession(row: SessionRow): SessionRecord {
  const [id, runnerName, cluster, identifiers, epoch, connectedAt, expiresAt] = row;
  return {
    id,
    runnerName,
    cluster,
    identifiers: (JSON.parse(identifiers) as IdentifierTuple[]).map(
      ([name, major, minor]): TaskIdentifier => ({ name, major, minor }),
    ),
    epoch,
    connectedAt,
    expiresAt,
  };
}

const FIRST_PAGE: readonly [number, string] = [-1, ""];

/** null: not a cursor of ours. */
function decodeCursor(cursor: string | null): readonly [connectedAt: number, id: string] | null {
  if (cursor === null) return FIRST_PAGE;
  const match = /^(\d{1,15})\.(.+)$/s.exec(cursor);
  return match === null ? null : [Number(match[1]), match[2] ?? ""];
}
