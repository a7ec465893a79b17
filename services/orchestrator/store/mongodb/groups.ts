import { type GroupRecord, groupIndex } from "../../domain/records.ts";
import type { Connection } from "./database.ts";
import { inSnapshot } from "./jobs.ts";
import type { GroupRow, GroupShardRow } from "./rows.ts";
import type { Step } from "./step.ts";

const MOST_GUESSED = 8;
/** A group is divided as long as each process's share is at least this many open tasks. */
const LEAST_SHARE = 64;

/**
 * Groups as a step sees them.
 *
 * Each task that is done counts down its group. Several processes that work on one large group would be in each other's way each time, so what is open
 * is shared out among them when the group is made or waits for nothing any more: each has a row of its own, and counts that down alone. As long as anybody has
 * such a row, the group's row keeps at least one, so nobody who counts down alone can miss that the group closes. Whose share is too small shares out
 * anew what is left, among those who have used theirs, and when that is little, takes all of it back into the group's row, where it is counted until the
 * group closes. Both are in the way of every step that counts down at the same time.
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
      const group: GroupState = { main, shards: new Map() };
      this.#groups.set(record.id, group);
      this.#shareOut(group, record);
      this.#step.insert(this.#step.rows.group, group.main);
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
    if (!isCount) this.#takeBack(group, record);
    if (!this.#shareOut(group, record) && isCount) this.#takeBack(group, record);
    this.#step.replace(this.#step.rows.group, group.main);
  }

  /** Counts down in this process's row. Returns whether there was enough. */
  #countAlone(group: GroupState, done: number): boolean {
    const { rows, slot } = this.#step;
    const own = group.shards.get(slot);
    if (own === undefined || own.open < done) return false;
    const next: GroupShardRow = { _id: own._id, open: own.open - done, rev: own.rev + 1 };
    group.shards.set(slot, next);
    this.#step.replace(rows.group_shard, next);
    return true;
  }

  /**
   * Divides what is open among those who have counted and this process, or first among all. At least one stays in the group's row, which is left to the
   * caller to write. Returns whether it is worth it.
   */
  #shareOut(group: GroupState, { open, waiting }: GroupRecord): boolean {
    const { rows, slot, sharing } = this.#step;
    const { main, shards } = group;
    if (waiting > 0) return false;
    if (shards.size === 0 && (sharing.slots.length < 2 || open < sharing.fromTasks)) return false;
    const isUsed = (each: number) => each === slot || shards.get(each)?.unused === undefined;
    const slots = shards.size === 0 ? sharing.slots : [...new Set([...shards.keys(), slot])].filter(isUsed);
    if (open / slots.length < LEAST_SHARE) return false;
    const share = Math.floor((open - 1) / slots.length);
    this.#deleteShards(
      group,
      [...shards.keys()].filter((each) => !slots.includes(each)),
    );
    for (const each of slots) {
      const before = shards.get(each);
      const row = { _id: shardId(main._id, each), open: share, rev: (before?.rev ?? 0) + 1 };
      const next: GroupShardRow = before === undefined && each !== slot ? { ...row, unused: true } : row;
      shards.set(each, next);
      this.#step.replace(rows.group_shard, next);
    }
    group.main = { ...main, open: open - share * slots.length, shards: [...slots], rev: main.rev + 1 };
    return true;
  }

  /** Everything is counted in the group's row again, which is left to the caller to write. */
  #takeBack(group: GroupState, record: GroupRecord): void {
    this.#deleteShards(group, [...group.shards.keys()]);
    const { shards: _, ...rest } = group.main;
    group.main = { ...rest, waiting: record.waiting, open: record.open, size: record.size, rev: rest.rev + 1 };
  }

  #deleteShards({ main, shards }: GroupState, slots: readonly number[]): void {
    for (const slot of slots) shards.delete(slot);
    const ids = slots.map((slot) => shardId(main._id, slot));
    this.#step.deleteByIds(this.#step.rows.group_shard, ids);
  }

  async #ensure(ids: readonly string[]): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#groups.has(id));
    const guessed = this.#guess(missing);
    const found = await this.#step.findByIds(this.#step.rows.group, [...missing, ...guessed]);
    const mains = found.filter((row) => !isShard(row));
    const asked = new Set(guessed);
    const wanted = mains.flatMap(shardIds);
    const shards = new Map<string, GroupShardRow>(found.filter(isShard).map((row) => [row._id, row]));
    const others = wanted.filter((id) => !asked.has(id));
    for (const row of await this.#step.findByIds(this.#step.rows.group_shard, others)) shards.set(row._id, row);
    for (const main of mains) this.#groups.set(main._id, { main, shards: new Map() });
    for (const id of wanted) {
      const shard = shards.get(id);
      const slash = id.lastIndexOf("/");
      if (shard !== undefined) this.#groups.get(id.slice(0, slash))?.shards.set(Number(id.slice(slash + 1)), shard);
    }
  }

  /** Rows that groups may be divided into: to ask for them at once saves a round trip, where groups are few. */
  #guess(groupIds: readonly string[]): string[] {
    const { slots } = this.#step.sharing;
    if (slots.length < 2 || groupIds.length > MOST_GUESSED) return [];
    return groupIds.flatMap((id) => slots.map((slot) => shardId(id, slot)));
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

function isShard({ _id }: { readonly _id: string }): boolean {
  return _id.includes("/");
}

function shardIds(row: GroupRow): string[] {
  return (row.shards ?? []).map((slot) => shardId(row._id, slot));
}
