import type { SessionRecord } from "../../domain/records.ts";
import type { Page, PageRequest, SessionWithRunning, WriteSet } from "../store.ts";
import type { Connection } from "./database.ts";
import { inSnapshot } from "./jobs.ts";
import { findKept } from "./keeper.ts";
import { findRows } from "./pages.ts";
import type { SessionRow } from "./rows.ts";
import type { Step } from "./step.ts";

/**
 * How long a session that has expired is left to the process that had it, in milliseconds. When that one is dead, its runner is on the way to another, and may
 * be kept waiting there by what the dead one has left open.
 */
export const SESSION_NEGLECT_MS = 5_000;

/** Sessions as a step sees them. */
export class SessionTable {
  readonly #step: Step;
  /** Sessions that this step has seen. */
  readonly #seen = new Set<string>();

  constructor(step: Step) {
    this.#step = step;
  }

  async load(ids: readonly string[]): Promise<SessionRecord[]> {
    return this.#adopt(await this.#step.findByIds(this.#step.rows.session, ids));
  }

  async expired(now: number, limit: number): Promise<SessionRecord[]> {
    const due = { field: "expires", now, limit, neglectMs: SESSION_NEGLECT_MS };
    return this.#adopt(await findKept(this.#step, this.#step.rows.session, due));
  }

  async existIn(cluster: string): Promise<boolean> {
    const { rows } = this.#step;
    return (await this.#step.find(rows.session, { cluster }, { limit: 1, projection: { _id: 1 } })).length > 0;
  }

  put(sessions: readonly SessionRecord[]): void {
    const { rows } = this.#step;
    const fresh = sessions.filter(({ id }) => !this.#seen.has(id));
    // Whoever deletes the cluster at the same time has seen none of these sessions in it: one of the two comes first.
    const clusters = [...new Set(fresh.map(({ cluster }) => cluster))];
    if (clusters.length > 0) this.#step.updateMany(rows.cluster, { _id: { $in: clusters } }, { $inc: { rev: 1 } });
    for (const session of sessions) {
      const { _id, ...values } = encodeSession(session, this.#step.slot);
      this.#step.update(rows.session, { _id }, { $set: values, $inc: { rev: 1 } }, true);
      this.#seen.add(_id);
    }
  }

  extend(extensions: NonNullable<WriteSet["extendSessions"]>): void {
    const { rows, slot: keeper } = this.#step;
    const alike = Map.groupBy(extensions, ({ epoch, expiresAt }) => `${epoch}/${expiresAt}`);
    for (const [first, ...more] of alike.values()) {
      if (first === undefined) continue;
      const { id, epoch, expiresAt: expires } = first;
      const ids = [id, ...more.map((extension) => extension.id)];
      this.#step.updateMany(
        rows.session,
        { _id: { $in: ids }, epoch },
        { $set: { expires, keeper }, $inc: { rev: 1 } },
      );
    }
  }

  delete(ids: readonly string[]): void {
    this.#step.deleteByIds(this.#step.rows.session, ids);
  }

  /** What the step has read of these must not change meanwhile. */
  guard(ids: readonly string[]): void {
    if (ids.length > 0)
      this.#step.updateMany(this.#step.rows.session, { _id: { $in: [...ids] } }, { $inc: { rev: 1 } });
  }

  #adopt(rows: readonly SessionRow[]): SessionRecord[] {
    for (const row of rows) this.#seen.add(row._id);
    return rows.map(decodeSession);
  }
}

/** Lists sessions. */
export class SessionReader {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async list(cluster: string | null, page: PageRequest): Promise<Page<SessionWithRunning>> {
    const after = decodeCursor(page.after);
    if (after === null) return { items: [], next: null };
    const [connected, id] = after;
    const filter = {
      ...(cluster === null ? {} : { cluster }),
      connected: { $gte: connected },
      // Those of the very same millisecond, which are few.
      $or: [{ connected: { $gt: connected } }, { _id: { $gt: id } }],
    };
    const { rows } = this.#connection;
    return inSnapshot(this.#connection, async (session) => {
      const limit = page.limit + 1;
      // The "or" could be answered by two other indexes, and a sort.
      const hint = cluster === null ? "session_by_connection" : "session_by_cluster";
      const found = await findRows(rows.session, filter, { session, hint, sort: { connected: 1, _id: 1 }, limit });
      const shown = found.slice(0, page.limit);
      const ids = shown.map((row) => row._id);
      const counts =
        ids.length === 0
          ? []
          : await rows.task
              .aggregate<{ readonly _id: string; readonly count: number }>(countsByRunning(ids), { session })
              .toArray();
      const running = new Map(counts.map(({ _id, count }) => [_id, count]));
      const items = shown.map((row) => ({ session: decodeSession(row), running: running.get(row._id) ?? 0 }));
      const last = shown.at(-1);
      const hasMore = found.length > page.limit && last !== undefined;
      return { items, next: hasMore ? `${last.connected}.${last._id}` : null };
    });
  }
}

/** The second condition says to the planner that the partial index has all of it. */
function countsByRunning(ids: readonly string[]) {
  return [{ $match: { running: { $in: ids, $gt: "" } } }, { $group: { _id: "$running", count: { $sum: 1 } } }];
}

function encodeSession(session: SessionRecord, slot: number): Omit<SessionRow, "rev"> {
  return {
    _id: session.id,
    runner: session.runnerName,
    cluster: session.cluster,
    identifiers: session.identifiers.map(({ name, major, minor }) => [name, major, minor] as const),
    epoch: session.epoch,
    connected: session.connectedAt,
    expires: session.expiresAt,
    keeper: slot,
  };
}

function decodeSession(row: SessionRow): SessionRecord {
  return {
    id: row._id,
    runnerName: row.runner,
    cluster: row.cluster,
    identifiers: row.identifiers.map(([name, major, minor]) => ({ name, major, minor })),
    epoch: row.epoch,
    connectedAt: row.connected,
    expiresAt: row.expires,
  };
}

const FIRST_PAGE: readonly [number, string] = [-1, ""];

/** null: not a cursor of ours. */
function decodeCursor(cursor: string | null): readonly [connected: number, id: string] | null {
  if (cursor === null) return FIRST_PAGE;
  const match = /^(\d{1,15})\.(.+)$/s.exec(cursor);
  return match === null ? null : [Number(match[1]), match[2] ?? ""];
}
