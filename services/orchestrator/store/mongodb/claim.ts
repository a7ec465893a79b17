import type { Filter } from "mongodb";
import type { ClaimCandidates, ClaimPosition, ClaimRequest } from "../store.ts";
import type { OwnParts } from "./claim-parts.ts";
import type { TaskRow } from "./rows.ts";
import type { Step } from "./step.ts";
import type { TaskTable } from "./tasks.ts";

/** The claim order, which is the order of the index `task_ready` within one queue; several queues are merged by the server. */
const CLAIM_ORDER = { priority: -1, job: 1, depth: -1, _id: 1 } as const;

/** What of the claimable tasks is for this process. */
export interface ClaimShare {
  /** null: all. */
  readonly own: OwnParts | null;
  /** To be called when there was something of its own. */
  readonly foundOwn: () => void;
  /** For how long what is not its own is left to others although there is no more of its own, in milliseconds. */
  readonly leftForMs: () => number;
  /** To be called when there was as much as it wanted. */
  readonly served: () => void;
}

/**
 * Finds what may be claimed next.
 *
 * Processes that look for tasks in the same queues at the same time would find the same ones, and all but one would have to run their step again. So
 * each looks first among the parts of the tasks that are its own for now (`own`; null: it is alone), in the same order, and among all tasks
 * only when there has been none of its own for as long as a few steps take: by then the others have had the time to take theirs. A step that collided
 * does not look there again: what it found is being taken.
 */
export class ClaimQuery {
  readonly #step: Step;
  readonly #tasks: TaskTable;
  readonly #share: ClaimShare;

  constructor(step: Step, tasks: TaskTable, share: ClaimShare) {
    this.#step = step;
    this.#tasks = tasks;
    this.#share = share;
  }

  async candidates({ queueIds, after, limit }: ClaimRequest): Promise<ClaimCandidates> {
    const ids = [...new Set(queueIds)];
    if (ids.length === 0 || limit === 0) return { tasks: [], isAll: true };
    const { own, foundOwn } = this.#share;
    if (own === null) return this.#all(ids, after, limit);
    const found = await this.#behind(ids, after, limit, { part: { $in: own.parts } });
    if (found.length > 0) foundOwn();
    if (found.length === limit) return this.#candidates(found, limit, false);
    const leftForMs = this.#share.leftForMs();
    if (found.length === 0 && leftForMs <= 0) return this.#all(ids, after, limit);
    return { ...this.#candidates(found, limit, false), leftForMs: Math.min(leftForMs, own.forMs) };
  }

  async #all(ids: readonly number[], after: ClaimPosition | null, limit: number): Promise<ClaimCandidates> {
    const found = await this.#behind(ids, after, limit, {});
    return this.#candidates(found, limit, found.length < limit);
  }

  #candidates(found: readonly TaskRow[], limit: number, isAll: boolean): ClaimCandidates {
    if (found.length === limit) this.#share.served();
    return { tasks: found.map((row) => this.#tasks.adoptWithInput(row)), isAll };
  }

  /** Behind a job: first the rest with its priority, then all with a lower one: two ranges of the index and not one condition with an "or". */
  async #behind(
    ids: readonly number[],
    after: ClaimPosition | null,
    limit: number,
    own: Filter<TaskRow>,
  ): Promise<TaskRow[]> {
    if (after === null) return this.#find({ ready: among(ids), ...own }, limit);
    const { priority, jobId } = after;
    const same = await this.#find({ ready: among(ids), priority, job: { $gt: jobId }, ...own }, limit);
    if (same.length === limit) return same;
    const lower = await this.#find({ ready: among(ids), priority: { $lt: priority }, ...own }, limit - same.length);
    return [...same, ...lower];
  }

  #find(filter: Filter<TaskRow>, limit: number): Promise<TaskRow[]> {
    return this.#step.find(this.#step.rows.task, filter, { sort: CLAIM_ORDER, limit });
  }
}

/** The second condition says to the planner that the partial index has all of it. */
export function among(queueIds: readonly number[]): { $in: number[]; $gt: number } {
  return { $in: [...queueIds], $gt: -1 };
}
