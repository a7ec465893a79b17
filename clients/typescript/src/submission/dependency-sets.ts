import type { Dependencies, TaskHandle } from "./options.ts";
import { TaskHandle as Handle } from "./options.ts";

/** Id of the set that is always there: no dependencies. */
export const noDependencies = 0;

interface KnownArray {
  /** The handles that the array held, nested ones flattened, in order. */
  readonly handles: readonly TaskHandle[];
  readonly setId: number;
}

/**
 * Gives each distinct set of dependencies one small id, so that thousands of tasks that depend on the same thousand tasks
 * cost one set. An array that comes again is recognised by identity and compared with what it held before (it may have been
 * changed meanwhile), which is far cheaper than hashing it again.
 */
export class DependencySets {
  readonly #owner: object;
  readonly #members: (readonly number[])[] = [[]];
  readonly #idsByHash = new Map<number, number[]>();
  readonly #knownArrays = new WeakMap<readonly Dependencies[], KnownArray>();
  readonly #stamps: number[] = [];
  #stamp = 0;

  /** `owner`: the submission whose handles are accepted. */
  constructor(owner: object) {
    this.#owner = owner;
  }

  /** How many distinct sets there are; ids count from 0. */
  get size(): number {
    return this.#members.length;
  }

  /** Indices of the tasks in a set, each once. */
  members(setId: number): readonly number[] {
    return this.#members[setId] ?? [];
  }

  /** @throws TypeError for something that is not a handle of this submission. */
  intern(dependsOn: Dependencies | undefined): number {
    if (dependsOn === undefined) return noDependencies;
    if (dependsOn instanceof Handle) return this.#internIndices([this.#indexOf(dependsOn)]);
    if (!Array.isArray(dependsOn)) throw new TypeError("dependsOn must be a handle or an array of handles");
    const known = this.#knownArrays.get(dependsOn);
    if (known && matchHandles(dependsOn, known.handles, 0) === known.handles.length) return known.setId;
    const handles: TaskHandle[] = [];
    flatten(dependsOn, handles);
    const setId = this.#internIndices(this.#distinctIndices(handles));
    this.#knownArrays.set(dependsOn, { handles, setId });
    return setId;
  }

  #distinctIndices(handles: readonly TaskHandle[]): number[] {
    const stamp = ++this.#stamp;
    const indices: number[] = [];
    for (const handle of handles) {
      const index = this.#indexOf(handle);
      if (this.#stamps[index] === stamp) continue;
      this.#stamps[index] = stamp;
      indices.push(index);
    }
    return indices;
  }

  #indexOf(handle: TaskHandle): number {
    if (!(handle instanceof Handle)) throw new TypeError("dependsOn must be a handle or an array of handles");
    if (!handle.isOf(this.#owner)) throw new TypeError("dependsOn must name tasks of the same submission");
    return handle.index;
  }

  #internIndices(indices: readonly number[]): number {
    if (indices.length === 0) return noDependencies;
    const hash = hashSet(indices);
    const candidates = this.#idsByHash.get(hash);
    const known = candidates?.find((id) => this.#isSameSet(this.members(id), indices));
    if (known !== undefined) return known;
    const id = this.#members.push(indices) - 1;
    if (candidates) candidates.push(id);
    else this.#idsByHash.set(hash, [id]);
    return id;
  }

  #isSameSet(a: readonly number[], b: readonly number[]): boolean {
    if (a.length !== b.length) return false;
    const stamp = ++this.#stamp;
    for (const index of a) this.#stamps[index] = stamp;
    return b.every((index) => this.#stamps[index] === stamp);
  }
}

function flatten(dependencies: readonly Dependencies[], into: TaskHandle[]): void {
  for (const item of dependencies) {
    if (Array.isArray(item)) flatten(item, into);
    else into.push(item as TaskHandle);
  }
}

/** Position behind the last handle that matched, or -1 when one does not. */
function matchHandles(dependencies: readonly Dependencies[], handles: readonly TaskHandle[], start: number): number {
  let position = start;
  for (const item of dependencies) {
    if (Array.isArray(item)) {
      position = matchHandles(item, handles, position);
      if (position < 0) return -1;
    } else if (item !== handles[position++]) {
      return -1;
    }
  }
  return position;
}

/** Does not depend on the order. */
function hashSet(indices: readonly number[]): number {
  let hash = indices.length;
  for (const index of indices) {
    let mixed = Math.imul(index + 1, 0x9e3779b1);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
    hash = (hash + (mixed ^ (mixed >>> 13))) | 0;
  }
  return hash;
}
