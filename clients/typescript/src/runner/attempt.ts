import { type AbortReason, AttemptAbortedError } from "../context.ts";
import type { Duration } from "../gen/google/protobuf/duration.ts";
import type { Computed, Grant, GrantedJob } from "../gen/taskgrove/v1/lease.ts";
import type { TaskSubmissions } from "../gen/taskgrove/v1/task.ts";
import type { TaskIdentifier } from "../gen/taskgrove/v1/version.ts";
import { decodeInput, validateInput } from "../input.ts";
import { type SubmissionLimits, SubmissionTooLargeError, splitSubmission } from "../submission/split.ts";
import { Submission } from "../submission/submission.ts";
import { AttemptContext, type AttemptServices } from "./attempt-context.ts";
import { AttemptTimeoutError, describeFailure, isAbortError, RefusedError } from "./failure.ts";
import type { Refusal } from "./messages.ts";
import {
  type Encoded,
  encodeComputed,
  encodeFailed,
  encodePart,
  encodeProgress,
  encodeReleased,
  type Remarks,
} from "./outcome.ts";
import { ProgressBook } from "./progress-book.ts";
import type { RegisteredTask } from "./task-registry.ts";

/** What an attempt reports to its runner while it runs. */
export interface AttemptEvents {
  readonly limits: SubmissionLimits;
  /** Progress or display changed. */
  changed(attempt: Attempt): void;
  /** Subtasks go ahead of the outcome; answered through {@link Attempt.answerPart}. */
  part(attempt: Attempt, number: number, part: Encoded): void;
}

/** Undefined: the lease was lost meanwhile. */
type PartAnswer = { readonly refusal: Refusal | undefined } | undefined;

/** What a frame adds to a message. */
const frameBytes = 32;
/** Parts that may be unanswered. */
const partWindow = 4;
const nothing: Computed = { subtasks: undefined, parts: 0 };

/** One attempt of one task, from its grant to its outcome. */
export class Attempt {
  readonly grant: Grant;
  readonly job: GrantedJob;
  /** What it was submitted as. */
  readonly identifier: TaskIdentifier;
  readonly #events: AttemptEvents;
  #submission: Submission | undefined;
  #progress: ProgressBook | undefined;
  #controller: AbortController | undefined;
  #abortReason: AbortReason | undefined;
  #isLost = false;
  #display: string | undefined;
  readonly #partWaiters = new Map<number, (answer: PartAnswer) => void>();

  constructor(grant: Grant, job: GrantedJob, identifier: TaskIdentifier, events: AttemptEvents) {
    this.grant = grant;
    this.job = job;
    this.identifier = identifier;
    this.#events = events;
  }

  /** Whether the lease is gone, so that nothing that it reports counts. */
  get isLost(): boolean {
    return this.#isLost;
  }

  get display(): string {
    return this.#display ?? (this.grant.display || this.identifier.name);
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abortReason) this.#controller.abort(new AttemptAbortedError(this.#abortReason));
    }
    return this.#controller.signal;
  }

  submission(): Submission {
    this.#submission ??= new Submission();
    return this.#submission;
  }

  progress(): ProgressBook {
    this.#progress ??= new ProgressBook(() => this.#events.changed(this));
    return this.#progress;
  }

  setDisplay(display: string): void {
    this.#display = display;
    this.#events.changed(this);
  }

  /** Tells the handler to stop; the first reason stays. */
  abort(reason: AbortReason): void {
    if (this.#abortReason) return;
    this.#abortReason = reason;
    this.#controller?.abort(new AttemptAbortedError(reason));
  }

  /** The lease is gone. */
  lose(reason: AbortReason): void {
    this.#isLost = true;
    this.abort(reason);
    for (const answer of this.#partWaiters.values()) answer(undefined);
    this.#partWaiters.clear();
  }

  answerPart(number: number, refusal: Refusal | undefined): void {
    this.#partWaiters.get(number)?.({ refusal });
    this.#partWaiters.delete(number);
  }

  /** Executes the task and gives its outcome; undefined when the lease was lost meanwhile. Never rejects. */
  async execute(task: RegisteredTask | undefined, services: AttemptServices): Promise<Encoded | undefined> {
    const stopTimer = this.#startTimer();
    try {
      await this.#runHandler(task, services);
      const { subtasks, parts } = this.#submission?.size ? await this.#submitSubtasks(this.#submission) : nothing;
      return this.#isLost ? undefined : this.#fit(encodeComputed(this.grant, subtasks, parts, this.#remarks()));
    } catch (error) {
      return this.#isLost ? undefined : this.#encodeFailure(error, services);
    } finally {
      stopTimer();
    }
  }

  /** Progress and display as they stand. */
  encodeProgress(): Encoded {
    return encodeProgress(this.grant, this.#remarks());
  }

  #remarks(): Remarks {
    return { progress: this.#progress?.all() ?? [], display: this.#display ?? "" };
  }

  async #runHandler(task: RegisteredTask | undefined, services: AttemptServices): Promise<void> {
    if (!task) throw new Error(`this runner does not execute ${this.identifier.name} ${this.identifier.version}`);
    const valid = validateInput(task.definition, decodeInput(task.definition, this.grant.input));
    const input = valid instanceof Promise ? await valid : valid;
    await new task.taskClass(input as never).execute(new AttemptContext(this, services));
  }

  /** Sends what does not fit in the outcome ahead of it. */
  async #submitSubtasks(submission: Submission): Promise<Computed> {
    await submission.validation;
    const messages = splitSubmission(submission.toMessage(), this.#events.limits);
    const subtasks = messages.pop();
    const answers: Promise<PartAnswer>[] = [];
    for (const [number, part] of messages.entries()) {
      checkAnswer(await (answers[number - partWindow] ?? acceptedPart));
      answers.push(this.#sendPart(number, part));
    }
    for (const answer of answers) checkAnswer(await answer);
    return { subtasks, parts: messages.length };
  }

  /** A message over the limit would break the stream, again and again. */
  #fit(outcome: Encoded): Encoded {
    const { maxMessageBytes } = this.#events.limits;
    if (outcome.bytes.length <= maxMessageBytes - frameBytes) return outcome;
    const problem = `the outcome is ${outcome.bytes.length} bytes; the limit max_message_bytes is ${maxMessageBytes}`;
    return encodeFailed(this.grant, describeFailure(new SubmissionTooLargeError(problem)));
  }

  #sendPart(number: number, subtasks: TaskSubmissions): Promise<PartAnswer> {
    if (this.#isLost) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#partWaiters.set(number, resolve);
      this.#events.part(this, number, encodePart(this.grant, number, subtasks));
    });
  }

  #encodeFailure(error: unknown, services: AttemptServices): Encoded {
    const reason = this.#abortReason;
    const isAbort = reason !== undefined && isAbortError(error);
    if (isAbort && reason !== "ATTEMPT_TIMEOUT") return encodeReleased(this.grant);
    const failed = isAbort
      ? describeFailure(new AttemptTimeoutError(toMs(this.grant.attemptTimeout)))
      : describeFailure(error);
    const { taskId, attempt } = this.grant;
    const fields = {
      task: this.identifier.name,
      taskId,
      attempt,
      reason: failed.error?.reason,
      problem: failed.error?.message,
    };
    services.logger.warn("attempt failed", fields);
    return encodeFailed(this.grant, failed, this.#remarks());
  }

  #startTimer(): () => void {
    const timeoutMs = toMs(this.grant.attemptTimeout);
    if (timeoutMs === undefined || timeoutMs > maxTimerMs) return noTimer;
    const timer = setTimeout(() => this.abort("ATTEMPT_TIMEOUT"), timeoutMs);
    return () => clearTimeout(timer);
  }
}

/** Longer than any timer can wait; the orchestrator watches the time, too. */
const maxTimerMs = 2 ** 31 - 1;
const noTimer = () => {};
const acceptedPart: PartAnswer = { refusal: undefined };

function checkAnswer(answer: PartAnswer): void {
  if (!answer) throw new AttemptAbortedError("LEASE_LOST");
  if (answer.refusal) throw new RefusedError(answer.refusal);
}

function toMs(duration: Duration | undefined): number | undefined {
  return duration && duration.seconds * 1000 + duration.nanos / 1e6;
}
