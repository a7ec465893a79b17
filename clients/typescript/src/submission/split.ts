import type { TaskGroup, TaskSubmissions } from "../gen/taskgrove/v1/task.ts";

/** What one message may hold. */
export interface SubmissionLimits {
  readonly maxMessageBytes: number;
  readonly maxSubtasks: number;
  readonly maxInputBytes: number;
}

/** A submission that no message can hold. */
export class SubmissionTooLargeError extends Error {
  override readonly name = "SubmissionTooLargeError";
}

/** Upper bounds of what the fields around a task, a group and a message cost. */
const taskOverheadBytes = 24;
const groupOverheadBytes = 32;
const edgeBytes = 5;
const frameOverheadBytes = 4096;
/**
 * Messages are cut at half of what is allowed, which leaves room for the rest of an outcome, and at no more than this, so that no frame keeps
 * others waiting for long.
 */
const maxCutBytes = 4 * 1024 * 1024;

/**
 * Cuts a submission into messages within the limits; group indices count over all of them. Most submissions give exactly one.
 *
 * @throws SubmissionTooLargeError when one task or one group's edges alone exceed a limit.
 */
export function splitSubmission(whole: TaskSubmissions, limits: SubmissionLimits): TaskSubmissions[] {
  const splitter = new Splitter(whole, limits);
  for (const [index, group] of whole.groups.entries()) splitter.addGroup(index, group);
  return splitter.finish();
}

/** How many tasks a submission holds. */
export function countTasks(submission: TaskSubmissions): number {
  return submission.groups.reduce((sum, group) => sum + group.tasks.length, 0);
}

class Splitter {
  readonly #whole: TaskSubmissions;
  readonly #limits: SubmissionLimits;
  readonly #cutBytes: number;
  readonly #baseBytes: number;
  readonly #parts: TaskSubmissions[] = [];
  #groups: TaskGroup[] = [];
  #firstGroup = 0;
  #bytes: number;
  #tasks = 0;

  constructor(whole: TaskSubmissions, limits: SubmissionLimits) {
    this.#whole = whole;
    this.#limits = limits;
    this.#cutBytes = Math.min(maxCutBytes, limits.maxMessageBytes / 2);
    this.#baseBytes = frameOverheadBytes + templateBytes(whole);
    this.#bytes = this.#baseBytes;
  }

  addGroup(index: number, group: TaskGroup): void {
    let current: TaskGroup | undefined;
    for (const task of group.tasks) {
      this.#checkInput(task.input.length);
      const dependsOn = group.tasks[0] === task ? group.dependsOn : [];
      const opening = groupOverheadBytes + dependsOn.length * edgeBytes;
      const bytes = taskOverheadBytes + task.input.length + task.display.length * 3;
      this.#checkFits(opening + bytes, dependsOn.length);
      if (this.#isFull(current ? bytes : opening + bytes)) {
        this.#cut(index);
        current = undefined;
      }
      current ??= this.#open(dependsOn, opening);
      current.tasks.push(task);
      this.#bytes += bytes;
      this.#tasks++;
    }
  }

  finish(): TaskSubmissions[] {
    if (this.#groups.length > 0) this.#cut(0);
    return this.#parts;
  }

  #isFull(moreBytes: number): boolean {
    const isFull = this.#tasks >= this.#limits.maxSubtasks || this.#bytes + moreBytes > this.#cutBytes;
    return isFull && this.#groups.length > 0;
  }

  #open(dependsOn: number[], bytes: number): TaskGroup {
    const group: TaskGroup = { dependsOn, tasks: [] };
    this.#groups.push(group);
    this.#bytes += bytes;
    return group;
  }

  #cut(nextGroup: number): void {
    this.#parts.push({ templates: this.#whole.templates, groups: this.#groups, firstGroup: this.#firstGroup });
    this.#groups = [];
    this.#firstGroup = nextGroup;
    this.#bytes = this.#baseBytes;
    this.#tasks = 0;
  }

  #checkInput(bytes: number): void {
    if (bytes <= this.#limits.maxInputBytes) return;
    throw new SubmissionTooLargeError(
      `input of a subtask is ${bytes} bytes; the limit max_input_bytes is ${this.#limits.maxInputBytes}`,
    );
  }

  #checkFits(bytes: number, edges: number): void {
    if (this.#baseBytes + bytes <= this.#limits.maxMessageBytes) return;
    throw new SubmissionTooLargeError(
      `a subtask with its input, display and ${edges} dependencies does not fit in a message; ` +
        `the limit max_message_bytes is ${this.#limits.maxMessageBytes}`,
    );
  }
}

function templateBytes(submission: TaskSubmissions): number {
  return submission.templates.reduce((sum, template) => {
    const texts = [template.identifier?.name, template.identifier?.version, template.cluster];
    return sum + 128 + texts.reduce((bytes, text) => bytes + (text?.length ?? 0) * 3, 0);
  }, 0);
}
