import { type ClientDuplexStream, type Client as GrpcClient, status } from "@grpc/grpc-js";
import { statusName, TaskgroveError, toTaskgroveError } from "../errors.ts";
import {
  JobServiceService,
  type KeyedSubmission,
  type SubmissionAck,
  type SubmitJobsRequest,
  type SubmitJobsResponse,
} from "../gen/taskgrove/v1/job_service.ts";
import { openBidiStream } from "../rpc/calls.ts";
import type { Orchestrators, Outage } from "../rpc/orchestrators.ts";
import type { SubmitOptions, Submittable, SubmittedJob } from "./options.ts";
import { createSubmitRequest } from "./submit-request.ts";

const maxSubmissionsPerFrame = 500;
const maxFrameBytes = 512 * 1024;

type Call = ClientDuplexStream<SubmitJobsRequest, SubmitJobsResponse>;

/** A submission that was not answered yet. */
interface Pending {
  readonly submission: KeyedSubmission;
  /** The idempotency key is the client's own: if the job exists already, it was made by an earlier try of this submission. */
  readonly hasOwnKey: boolean;
  resolve(job: SubmittedJob): void;
  reject(error: TaskgroveError): void;
}

/** A stream, and to whom. */
interface OpenStream {
  readonly client: GrpcClient;
  readonly call: Call;
}

/**
 * Many submissions in flight over one stream. What is submitted in one turn of the event loop, or while the connection is busy, goes out
 * in one frame. When the stream breaks, or the orchestrator says that its store is away, what was not answered is sent again to another
 * orchestrator, in the order of its submission and before what comes later; its idempotency keys see to it that nothing is stored twice.
 *
 * A submission is kept in memory until it is answered; whoever submits faster than that should limit how many are in flight.
 */
export class SubmitStream implements AsyncDisposable {
  readonly #orchestrators: Orchestrators;
  /** By key, and so in the order of submission. */
  readonly #pending = new Map<number, Pending>();
  /** Of the pending ones those that were not sent on the stream that is open, or about to be. */
  #queue: KeyedSubmission[] = [];
  #open: OpenStream | undefined;
  #isOpening = false;
  #isCongested = false;
  #isFlushPlanned = false;
  #nextKey = 1;
  readonly #outage: Outage = { failures: 0, sinceMs: 0 };
  #onIdle: (() => void) | undefined;

  constructor(orchestrators: Orchestrators) {
    this.#orchestrators = orchestrators;
  }

  /**
   * Resolves when the job is stored. Rejects with a TaskgroveError when it is refused or no orchestrator answered in time, and with the
   * errors of `jobs.submit` for what is refused before it is sent.
   */
  async submit(name: string, tasks: Submittable, options: SubmitOptions = {}): Promise<SubmittedJob> {
    const request = createSubmitRequest(name, tasks, options);
    const job = request instanceof Promise ? await request : request;
    return new Promise((resolve, reject) => {
      const submission = { key: this.#nextKey++, job };
      this.#pending.set(submission.key, { submission, hasOwnKey: !options.idempotencyKey, resolve, reject });
      this.#queue.push(submission);
      this.#planFlush();
    });
  }

  /** Waits for the answers that are missing, then closes. */
  async close(): Promise<void> {
    if (this.#pending.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    this.#open?.call.end();
    this.#open = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #planFlush(): void {
    if (this.#isFlushPlanned || this.#isCongested || this.#isOpening) return;
    this.#isFlushPlanned = true;
    setImmediate(() => {
      this.#isFlushPlanned = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#open) {
      this.#openAfter(0);
      return;
    }
    while (this.#queue.length > 0 && !this.#isCongested) {
      const submissions = this.#queue.splice(0, frameLength(this.#queue));
      this.#isCongested = !this.#open.call.write({ submissions });
    }
  }

  #openAfter(delayMs: number): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    const connect = () => {
      this.#orchestrators.connect().then(
        (client) => this.#onConnected(client),
        (error) => this.#onLost(undefined, toTaskgroveError(error)),
      );
    };
    if (delayMs > 0) setTimeout(connect, delayMs);
    else connect();
  }

  #onConnected(client: GrpcClient): void {
    const call = openBidiStream(client, JobServiceService.submitJobs);
    const open = { client, call };
    this.#open = open;
    this.#isOpening = false;
    const lost = (error: TaskgroveError) => {
      if (this.#open === open) this.#onLost(client, error);
    };
    call.on("data", ({ acks }: SubmitJobsResponse) => {
      if (this.#open === open) this.#onAcks(acks, client);
    });
    call.on("drain", () => {
      if (this.#open !== open) return;
      this.#isCongested = false;
      this.#flush();
    });
    call.on("error", (error) => lost(toTaskgroveError(error)));
    call.on("end", () => lost(new TaskgroveError("UNAVAILABLE", "UNAVAILABLE", "the stream was closed")));
    this.#flush();
  }

  #onAcks(acks: readonly SubmissionAck[], client: GrpcClient): void {
    const away = acks.filter((ack) => codeOf(ack) === status.UNAVAILABLE);
    for (const ack of acks) if (codeOf(ack) !== status.UNAVAILABLE) this.#settle(ack);
    if (acks.length > away.length) {
      this.#outage.failures = 0;
      this.#orchestrators.heard();
    }
    const [first] = away;
    const delayMs = first && this.#orchestrators.failed(client, toRefusal(first), this.#outage);
    if (delayMs === undefined) for (const ack of away) this.#settle(ack);
    else this.#startAgain(delayMs);
    this.#checkIdle();
  }

  #settle(ack: SubmissionAck): void {
    const pending = this.#pending.get(ack.key);
    if (!pending) return;
    this.#pending.delete(ack.key);
    if (ack.result?.$case === "jobId") {
      pending.resolve({ jobId: ack.result.value, alreadyExisted: ack.alreadyExisted && !pending.hasOwnKey });
    } else {
      pending.reject(toRefusal(ack));
    }
  }

  #onLost(client: GrpcClient | undefined, error: TaskgroveError): void {
    this.#isOpening = false;
    const delayMs = this.#orchestrators.failed(client, error, this.#outage);
    if (delayMs === undefined) this.#rejectAll(error);
    else this.#startAgain(delayMs);
  }

  /** Everything that was not answered goes over a new stream. */
  #startAgain(delayMs: number): void {
    this.#leave();
    this.#queue = Array.from(this.#pending.values(), ({ submission }) => submission);
    if (this.#queue.length > 0) this.#openAfter(delayMs);
    else this.#outage.failures = 0;
  }

  #rejectAll(error: TaskgroveError): void {
    this.#leave();
    this.#queue = [];
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
    this.#checkIdle();
  }

  #leave(): void {
    this.#open?.call.cancel();
    this.#open = undefined;
    this.#isCongested = false;
  }

  #checkIdle(): void {
    if (this.#pending.size === 0) this.#onIdle?.();
  }
}

/** The status of a refusal; undefined when it was accepted. */
function codeOf({ result }: SubmissionAck): number | undefined {
  return result?.$case === "refusal" ? result.value.code : undefined;
}

function toRefusal({ result }: SubmissionAck): TaskgroveError {
  const unknown = { code: status.UNKNOWN, reason: "UNKNOWN", message: "neither stored nor refused" };
  const { code, reason, message } = result?.$case === "refusal" ? result.value : unknown;
  return new TaskgroveError(statusName(code), reason, message);
}

/** How many of the queued submissions go into the next frame; at least one. */
function frameLength(queue: readonly KeyedSubmission[]): number {
  let bytes = 0;
  let length = 0;
  for (const { job } of queue) {
    for (const group of job?.tasks?.groups ?? []) for (const task of group.tasks) bytes += 32 + task.input.length;
    if (length > 0 && (length === maxSubmissionsPerFrame || bytes > maxFrameBytes)) break;
    length++;
  }
  return length;
}
