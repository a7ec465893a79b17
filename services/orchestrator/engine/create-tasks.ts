import { newGroups, newTask, type Origin } from "../domain/create.ts";
import { type GroupRecord, groupId, isDone } from "../domain/records.ts";
import { accept, type Rejection, type Result, reject } from "../domain/rejection.ts";
import type { GroupShape, ParsedTaskSet, ParsedTemplate } from "../domain/validate.ts";
import { quote } from "../domain/version.ts";
import type { QueueKey } from "../store/store.ts";
import type { BatchContext } from "./batch-context.ts";
import type { DoneTasks } from "./propagate.ts";

/** The cluster that every store has. */
export const DEFAULT_CLUSTER = "default";

/** Where each template's tasks are queued. `inherited`: the cluster of the parent. */
export function queueKeys(templates: readonly ParsedTemplate[], inherited: string): QueueKey[] {
  return templates.map(({ cluster, identifier }) => ({
    cluster: cluster === "" ? inherited : cluster,
    name: identifier.name,
    major: identifier.major,
    minor: identifier.minor,
  }));
}

/** Refuses a set that names a cluster that does not exist. */
export function checkClusters(context: BatchContext, keys: readonly QueueKey[], field: string): Rejection | null {
  for (const [index, key] of keys.entries()) {
    if (context.clusterExists(key.cluster)) continue;
    const message = `${field}.templates[${index}].cluster ${quote(key.cluster)} does not exist`;
    return { reason: "UNKNOWN_CLUSTER", message };
  }
  return null;
}

/** Makes the groups of one parent, or of a job. Returns them in order of their index. */
export function insertGroups(context: BatchContext, origin: Origin, shapes: readonly GroupShape[]): GroupRecord[] {
  const groups = newGroups(origin.job.id, origin.parent?.id ?? null, shapes);
  for (const group of groups) context.uow.insertGroup(group);
  return groups;
}

/** Which tasks of a set are made now: behind the first `from`, at most `count`. */
export interface Slice {
  readonly from: number;
  readonly count: number;
  /** The last task of the slice before, whose ids come below those of this one; null: this is the first. */
  readonly lastId: string | null;
}

/** What became of a slice. */
export interface MadeTasks {
  readonly count: number;
  /** Of this slice, or if it was empty, of the one before. */
  readonly lastId: string | null;
}

/** Makes the tasks of a set whose groups exist. */
export async function insertTasks(
  context: BatchContext,
  origin: Origin,
  set: ParsedTaskSet,
  queueIds: readonly number[],
  slice: Slice,
  done: DoneTasks,
): Promise<MadeTasks> {
  const { uow, ids } = context;
  const owner = origin.parent?.id ?? origin.job.id;
  let above: string | undefined = slice.lastId ?? owner;
  let { lastId } = slice;
  let behind = slice.from;
  let left = slice.count;
  for (const [offset, spec] of set.groups.entries()) {
    if (left === 0) break;
    if (behind >= spec.tasks.length) {
      behind -= spec.tasks.length;
      continue;
    }
    const id = groupId(owner, set.firstGroup + offset);
    await uow.loadGroups([id]);
    const group = uow.group(id);
    const tasks = spec.tasks.slice(behind, behind + left);
    behind = 0;
    left -= tasks.length;
    for (const item of tasks) {
      const template = set.templates[item.template];
      const queueId = queueIds[item.template];
      if (template === undefined || queueId === undefined) throw new Error("a template was not resolved");
      // Each is above the one before; the first, above what another orchestrator may have made.
      lastId = ids.next(above);
      above = undefined;
      const task = newTask(lastId, queueId, group, item, template, origin, uow.now);
      uow.insertTask(task, item.input, group.index);
      if (isDone(task.state)) done.add(task.groupId);
    }
  }
  return { count: slice.count - left, lastId };
}

/** How many tasks a set holds. */
export function sizeOf(set: ParsedTaskSet): number {
  let size = 0;
  for (const group of set.groups) size += group.tasks.length;
  return size;
}

/** Resolves the queues of a set's templates, or refuses an unknown cluster. */
export async function resolveQueues(
  context: BatchContext,
  templates: readonly ParsedTemplate[],
  inherited: string,
  field: string,
): Promise<Result<number[]>> {
  const keys = queueKeys(templates, inherited);
  await context.loadClusters(keys.map((key) => key.cluster));
  const refusal = checkClusters(context, keys, field);
  if (refusal !== null) return reject(refusal.reason, refusal.message);
  return accept(await context.internQueues(keys));
}
