import { type GroupRecord, groupIndex } from "../../domain/records.ts";
import type { Connection } from "./database.ts";
import { inSnapshot } from "./jobs.ts";
import type { GroupRow, GroupShardRow } from "./rows.ts";
import type { Step } from "./step.ts";

/** Fewer open tasks than this are counted in one row. */
const SHARED_FROM = 64;

/**
 * Groups as a step sees them.
 *
 * Each task that is done counts down its group. Several processes that work on one large group would be in each other's way each time, so a
 * process takes a share of what is open out of the group's row into a row of its own (`group_shard`), and counts that down alone. As long as anybody
 * has such a row, the group's row keeps at least one, so nobody who counts down alone can miss that the group closes. Who finds less than that in the
 * group's row takes all shares back into it, which is in the way of every step that counts down at the same time; from there on the group has
 * one counter until it closes, or until what came back is large enough to be shared out again.
 */
export class GroupTable {
  readonly #step: Step;
  readonly #groups = new Map<string, GroupState>();

  constructor(step: Step) {
    this.#step = step;
  }

  async load(ids: readonly string[]): Promise<GroupRecord[]> {
    await this.#ensure(ids);
    return ids.flatMap((id) => {
      const group = this.#groups.get(id);
      return group === undefined ? [] : [recordOf(group)];
    });
  }

  insert(records: readonly GroupRecord[]): void {
    for (const record of records) {
      const main: GroupRow = {
        _id: record.id,
        job: record.jobId,
        ...(record.parentId === null ? {} : { parent: record.parentId }),
        ...(record.dependents.length === 0 ? {} : { dependents: record.dependents }),
        waiting: record.waiting,
        open: record.open,
        size: record.size,
        rev: 0,
      };
      this.#groups.set(record.id, { main, shards: new Map() });
      this.#step.insert(this.#step.rows.group, main);
    }
  }

  async update(records: readonly GroupRecord[]): Promise<void> {
    await this.#ensure(records.map(({ id }) => id));
    for (const record of records) {
      const group = this.#groups.get(record.id);
      if (group === undefined) throw new Error(`there is no group ${record.id} to be written`);
      this.#updateOne(group, record);
    }
  }

  #updateOne(group: GroupState, record: GroupRecord): void {
    const before = recordOf(group);
    const done = before.open - record.open;
    const isCount = record.waiting === before.waiting && record.size === before.size && done > 0;
    if (isCount && this.#countAlone(group, done)) return;
    this.#takeBack(group, record);
  }

  /** Counts down in this process's row, after taking a share if need be. Returns whether there was enough. */
  #countAlone(group: GroupState, done: number): boolean {
    const { rows, slot, sharing } = this.#step;
    const { main, shards } = group;
    const own = shards.get(slot);
    const left = (own?.open ?? 0) - done;
    if (own !== undefined && left >= 0) {
      this.#putOwn(group, own, left);
      return true;
    }
    if (sharing.processes < 2 || main.open + left < SHARED_FROM) return false;
    // Everybody gets about the same, and something is left for who needs more.
    const share = Math.floor((main.open + left) / (sharing.processes + 1));
    const taken = share - left;
    this.#putOwn(group, own ?? { _id: shardId(main._id, slot), open: 0, rev: 0 }, share);
    group.main = { ...main, open: main.open - taken, shards: [...shards.keys()], rev: main.rev + 1 };
    this.#step.replace(rows.group, group.main);
    return true;
  }

  #putOwn(group: GroupState, own: GroupShardRow, open: number): void {
    const next = { ...own, open, rev: own.rev + 1 };
    group.shards.set(this.#step.slot, next);
    this.#step.replace(this.#step.rows.group_shard, next);
  }

  /** Everything is counted in the group's row again. */
  #takeBack(group: GroupState, record: GroupRecord): void {
    const { rows } = this.#step;
    const { main, shards } = group;
    const ids = [...shards.keys()].map((slot) => shardId(main._id, slot));
    const { shards: _, ...rest } = main;
    group.main = { ...rest, waiting: record.waiting, open: record.open, size: record.size, rev: main.rev + 1 };
    shards.clear();
    this.#step.replace(rows.group, group.main);
    this.#step.deleteByIds(rows.group_shard, ids);
  }

  async #ensure(ids: readonly string[]): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#groups.has(id));
    const mains = await this.#step.findByIds(this.#step.rows.group, missing);
    const shards = await this.#step.findByIds(this.#step.rows.group_shard, mains.flatMap(shardIds));
    for (const main of mains) this.#groups.set(main._id, { main, shards: new Map() });
    for (const shard of shards) {
      const slash = shard._id.lastIndexOf("/");
      this.#groups.get(shard._id.slice(0, slash))?.shards.set(Number(shard._id.slice(slash + 1)), shard);
    }
  }
}

/** Groups by id, with all that is open, as of one moment. */
export async function readGroups(connection: Connection, ids: readonly string[]): Promise<GroupRecord[]> {
  const { rows } = connection;
  return inSnapshot(connection, async (session) => {
    const mains = await rows.group.find({ _id: { $in: [...ids] } }, { session }).toArray();
    const wanted = mains.flatMap(shardIds);
    const shards =
      wanted.length === 0 ? [] : await rows.group_shard.find({ _id: { $in: wanted } }, { session }).toArray();
    const byGroup = Map.groupBy(shards, ({ _id }) => _id.slice(0, _id.lastIndexOf("/")));
    return mains.map((main) => decodeGroup(main, byGroup.get(main._id) ?? []));
  });
}

interface GroupState {
  main: GroupRow;
  /** By slot. */
  readonly shards: Map<number, GroupShardRow>;
}

function recordOf({ main, shards }: GroupState): GroupRecord {
  return decodeGroup(main, [...shards.values()]);
}

function decodeGroup(row: GroupRow, shards: readonly GroupShardRow[]): GroupRecord {
  return {
    id: row._id,
    jobId: row.job,
    parentId: row.parent ?? null,
    index: groupIndex(row._id),
    dependents: row.dependents ?? [],
    waiting: row.waiting,
    open: shards.reduce((sum, shard) => sum + shard.open, row.open),
    size: row.size,
  };
}

function shardId(groupId: string, slot: number): string {
  return `${groupId}/${slot}`;
}

function shardIds(row: GroupRow): string[] {
  return (row.shards ?? []).map((slot) => shardId(row._id, slot));
}
