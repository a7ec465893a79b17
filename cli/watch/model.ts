import type { Job, JobUpdate, TaskChange, TaskFailure, TaskState } from "taskgrove";
import { addCounts, type Counts, noCounts } from "./counts.ts";

/** Up to so many siblings of one identifier are kept apart; more are only counted together. */
export const SIBLING_LIMIT = 32;

/** Tasks at this depth and deeper are only counted together, so that a change touches a bounded number of nodes. */
export const DEPTH_LIMIT = 24;

/** One task of the job. */
export interface TaskRecord {
  readonly id: string;
  /** `name@version`. */
  readonly identifier: string;
  /** 0 for a root task. */
  readonly depth: number;
  state: TaskState;
  attempt: number;
  display: string;
  /** Why the last attempt that failed did so. */
  error: TaskFailure | undefined;
  /** Where it is counted. May have been merged into another node since. */
  node: TreeNode;
}

/** One task, or many tasks of one identifier that are counted together. */
export interface TreeNode {
  readonly identifier: string;
  readonly parent: TreeNode | undefined;
  readonly depth: number;
  /** When this is one task. */
  readonly task: TaskRecord | undefined;
  /** The tasks of this node itself, when it is many. */
  readonly own: Counts | undefined;
  /** All tasks below this node. Undefined as long as there is none. */
  below: Counts | undefined;
  /** What is directly below, by identifier in the order in which it appeared. Undefined as long as there is nothing. */
  cohorts: Map<string, Cohort> | undefined;
  /** Depth of its deepest task. */
  deepest: number;
  /** The node that took over. */
  mergedInto: TreeNode | undefined;
}

/** The nodes of one identifier below one node: single tasks, or one node of many. */
export interface Cohort {
  readonly identifier: string;
  nodes: TreeNode[];
}

/** An attempt that failed. */
export interface FailedAttempt {
  readonly task: TaskRecord;
  readonly attempt: number;
  readonly state: TaskState;
  readonly error: TaskFailure;
}

/**
 * A job as the changes so far tell it, in a form that can be drawn at any time: a tree in which large parts are collapsed while they
 * arrive, with counts that are kept up to date.
 *
 * A change costs at most {@link DEPTH_LIMIT} steps, whatever the size of the job. Children of one task are kept apart up to
 * {@link SIBLING_LIMIT} per identifier; beyond that they and all below them are merged by identifier. Tasks deeper than the limit share one
 * node per identifier below their last ancestor that is kept apart.
 */
export class JobModel {
  /** How the job stands; undefined before the first update that tells. */
  job: Job | undefined;
  /** All tasks by state. */
  readonly counts: Counts = noCounts();
  /** Root tasks, by identifier. */
  readonly roots = new Map<string, Cohort>();
  /** Attempts that failed and are tried again. */
  retries = 0;
  /** The latest attempt that failed. */
  lastFailure: FailedAttempt | undefined;
  readonly #tasks = new Map<string, TaskRecord>();

  constructor(job?: Job) {
    this.job = job;
  }

  /** Takes in what changed. */
  apply(update: JobUpdate): void {
    if (update.job !== undefined) this.job = update.job;
    for (const change of update.tasks) this.#applyChange(change);
  }

  /** The task of this id, when a change has mentioned it. */
  task(id: string): TaskRecord | undefined {
    return this.#tasks.get(id);
  }

  #applyChange(change: TaskChange): void {
    const known = this.#tasks.get(change.taskId);
    if (known === undefined) this.#add(change);
    else this.#move(known, change);
    if (change.error !== undefined) this.#noteFailure(change, change.error);
  }

  #add(change: TaskChange): void {
    const parent = change.parentId === undefined ? undefined : this.#tasks.get(change.parentId);
    const [name, version] = change.identifier ?? ["unknown", "v0.0"];
    const identifier = `${name}@${version}`;
    const parentNode = parent === undefined ? undefined : currentNode(parent);
    const depth = parent === undefined ? 0 : parent.depth + 1;
    const record: Omit<TaskRecord, "node"> = {
      id: change.taskId,
      identifier,
      depth,
      state: change.state,
      attempt: change.attempt,
      display: change.display ?? name,
      error: undefined,
    };
    this.#tasks.set(change.taskId, place(record, parentNode, this.roots));
    this.counts[change.state] += 1;
  }

  #move(task: TaskRecord, change: TaskChange): void {
    task.attempt = change.attempt;
    if (change.display !== undefined && change.display !== "") task.display = change.display;
    if (change.state === task.state) return;
    const node = currentNode(task);
    if (node.own !== undefined) shift(node.own, task.state, change.state);
    for (let above = node.parent; above !== undefined; above = above.parent) {
      if (above.below !== undefined) shift(above.below, task.state, change.state);
    }
    shift(this.counts, task.state, change.state);
    task.state = change.state;
  }

  #noteFailure(change: TaskChange, error: TaskFailure): void {
    const task = this.#tasks.get(change.taskId);
    if (task === undefined) return;
    task.error = error;
    if (change.state === "QUEUED") this.retries += 1;
    this.lastFailure = { task, attempt: change.attempt, state: change.state, error };
  }
}

/** The tasks of a node itself, by state. */
export function ownCounts(node: TreeNode): Counts {
  if (node.own !== undefined) return node.own;
  const counts = noCounts();
  if (node.task !== undefined) counts[node.task.state] = 1;
  return counts;
}

/** The tasks of a node and all below it, by state. */
export function totalCounts(node: TreeNode): Counts {
  const counts = { ...ownCounts(node) };
  if (node.below !== undefined) addCounts(counts, node.below);
  return counts;
}

function shift(counts: Counts, from: TaskState, to: TaskState): void {
  counts[from] -= 1;
  counts[to] += 1;
}

/** The node in which a task is counted now; shortens the way for the next time. */
function currentNode(task: TaskRecord): TreeNode {
  let node = task.node;
  while (node.mergedInto !== undefined) node = node.mergedInto;
  task.node = node;
  return node;
}

function place(
  record: Omit<TaskRecord, "node">,
  parentNode: TreeNode | undefined,
  roots: Map<string, Cohort>,
): TaskRecord {
  const holder = holderBelow(parentNode);
  const cohort = cohortOf(holder, roots, record.identifier);
  const apart = holder === undefined || (holder.task !== undefined && holder.depth + 1 < DEPTH_LIMIT);
  const task = apart ? addSingle(record, holder, cohort) : addCounted(record, manyNode(cohort, holder));
  for (let above: TreeNode | undefined = holder; above !== undefined; above = above.parent) {
    above.below ??= noCounts();
    above.below[record.state] += 1;
  }
  if (apart && cohort.nodes.length > SIBLING_LIMIT) mergeSiblings(cohort, holder);
  return task;
}

/** Below the depth limit, children join the nodes beside their parent. */
function holderBelow(parentNode: TreeNode | undefined): TreeNode | undefined {
  return parentNode !== undefined && parentNode.depth >= DEPTH_LIMIT ? parentNode.parent : parentNode;
}

function addSingle(record: Omit<TaskRecord, "node">, holder: TreeNode | undefined, cohort: Cohort): TaskRecord {
  const first = cohort.nodes[0];
  if (first?.own !== undefined) return addCounted(record, first);
  const task = record as TaskRecord;
  task.node = createNode(record.identifier, holder, task, undefined);
  cohort.nodes.push(task.node);
  return task;
}

function addCounted(record: Omit<TaskRecord, "node">, node: TreeNode): TaskRecord {
  if (node.own !== undefined) node.own[record.state] += 1;
  node.deepest = Math.max(node.deepest, record.depth);
  return Object.assign(record, { node });
}

function createNode(
  identifier: string,
  parent: TreeNode | undefined,
  task: TaskRecord | undefined,
  own: Counts | undefined,
): TreeNode {
  const depth = parent === undefined ? 0 : parent.depth + 1;
  return {
    identifier,
    parent,
    depth,
    task,
    own,
    below: undefined,
    cohorts: undefined,
    deepest: depth,
    mergedInto: undefined,
  };
}

function cohortOf(holder: TreeNode | undefined, roots: Map<string, Cohort>, identifier: string): Cohort {
  const cohorts = holder === undefined ? roots : childCohorts(holder);
  let cohort = cohorts.get(identifier);
  if (cohort === undefined) {
    cohort = { identifier, nodes: [] };
    cohorts.set(identifier, cohort);
  }
  return cohort;
}

function childCohorts(node: TreeNode): Map<string, Cohort> {
  node.cohorts ??= new Map();
  return node.cohorts;
}

/** The node of many in a cohort that has nothing else. */
function manyNode(cohort: Cohort, parent: TreeNode | undefined): TreeNode {
  let node = cohort.nodes[0];
  if (node === undefined) {
    node = createNode(cohort.identifier, parent, undefined, noCounts());
    cohort.nodes.push(node);
  }
  return node;
}

/** Turns the single tasks of a cohort into one node of many. Happens once per cohort. */
function mergeSiblings(cohort: Cohort, parent: TreeNode | undefined): void {
  const singles = cohort.nodes;
  cohort.nodes = [];
  const many = manyNode(cohort, parent);
  for (const single of singles) mergeNode(single, many);
}

function mergeNode(from: TreeNode, into: TreeNode): void {
  if (into.own !== undefined) addCounts(into.own, ownCounts(from));
  if (from.below !== undefined) {
    into.below ??= noCounts();
    addCounts(into.below, from.below);
  }
  into.deepest = Math.max(into.deepest, from.deepest);
  from.mergedInto = into;
  for (const cohort of from.cohorts?.values() ?? []) {
    const target = manyNode(cohortOf(into, new Map(), cohort.identifier), into);
    for (const node of cohort.nodes) mergeNode(node, target);
  }
}
