import { deserialize, serialize } from "node:v8";
import { accept, type Rejection, type Result, reject } from "../domain/rejection.ts";
import { checkEdges, type GroupShape, type ParsedTaskSet } from "../domain/validate.ts";
import type { Part, PartHeader, StoreTransaction } from "../store/store.ts";

/**
 * Subtasks that are too many for one step are staged as parts, and become task records in slices once the attempt's outcome has sealed them. A
 * part's summary says what the seal needs: sizes and edges of its groups; the payload is only read when it is unpacked.
 */

interface PartSummary {
  readonly firstGroup: number;
  /** Size and dependencies of each group. */
  readonly groups: readonly (readonly [number, readonly number[]])[];
}

export function stagePart(taskId: string, leaseToken: string, number: number, set: ParsedTaskSet): Part {
  const summary: PartSummary = {
    firstGroup: set.firstGroup,
    groups: set.groups.map((group) => [group.tasks.length, group.dependsOn]),
  };
  return { taskId, leaseToken, number, summary: JSON.stringify(summary), payload: serialize(plain(set)) };
}

/**
 * Reads parts, and remembers the last one: a part that is unpacked in many slices is decoded once. A part never changes, and a lease token is
 * used once, so what is remembered cannot be out of date.
 */
export class PartReader {
  #key = "";
  #set: ParsedTaskSet | null = null;

  /** null: there is no such part. */
  async read(tx: StoreTransaction, taskId: string, leaseToken: string, number: number): Promise<ParsedTaskSet | null> {
    const key = `${taskId}/${leaseToken}/${number}`;
    if (key === this.#key) return this.#set;
    const payload = await tx.loadPart(taskId, leaseToken, number);
    if (payload === null) return null;
    this.#key = key;
    this.#set = deserialize(payload) as ParsedTaskSet;
    return this.#set;
  }

  /** The part is unpacked. */
  forget(): void {
    this.#key = "";
    this.#set = null;
  }
}

/** The groups of a whole submission, from its parts in order; refuses gaps, groups that go on out of turn, and bad edges. */
export function joinParts(headers: readonly PartHeader[], expected: number): Result<GroupShape[]> {
  if (headers.length !== expected || headers.some((header, index) => header.number !== index)) {
    return reject("INVALID_OUTCOME", `the outcome counts ${expected} parts, but ${headers.length} have arrived`);
  }
  const shapes: { size: number; dependsOn: readonly number[] }[] = [];
  for (const header of headers) {
    const refusal = addPart(shapes, JSON.parse(header.summary) as PartSummary, header.number);
    if (refusal !== null) return { ok: false, rejection: refusal };
  }
  const edges = checkEdges(shapes, "subtasks");
  return edges === null ? accept(shapes) : { ok: false, rejection: edges };
}

function addPart(
  shapes: { size: number; dependsOn: readonly number[] }[],
  part: PartSummary,
  number: number,
): Rejection | null {
  const goesOn = part.firstGroup === shapes.length - 1;
  if (!goesOn && part.firstGroup !== shapes.length) {
    const message = `part ${number} begins at group ${part.firstGroup}, but the parts before it end at group ${shapes.length - 1}`;
    return { reason: "INVALID_OUTCOME", message };
  }
  for (const [offset, [size, dependsOn]] of part.groups.entries()) {
    const known = shapes[part.firstGroup + offset];
    if (known === undefined) {
      shapes.push({ size, dependsOn });
      continue;
    }
    if (dependsOn.length > 0) {
      const message = `part ${number} goes on with group ${part.firstGroup}, so its depends_on must be empty`;
      return { reason: "INVALID_OUTCOME", message };
    }
    known.size += size;
  }
  return null;
}

/** Only plain arrays and own bytes go into the payload: an input may be a view of a whole frame. */
function plain(set: ParsedTaskSet): ParsedTaskSet {
  return {
    templates: set.templates,
    firstGroup: set.firstGroup,
    groups: set.groups.map((group) => ({
      dependsOn: group.dependsOn,
      tasks: group.tasks.map(({ template, input, display }) => ({ template, input, display })),
    })),
  };
}
