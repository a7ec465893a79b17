import type { ClientDuplexStream, Client as GrpcClient } from "@grpc/grpc-js";
import { statusName, TaskgroveError, toTaskgroveError } from "../errors.ts";
import {
  JobServiceService,
  type KeyedSubmission,
  type SubmissionAck,
  type SubmitJobsRequest,
  type SubmitJobsResponse,
} from "../gen/taskgrove/v1/job_service.ts";
import { openBidiStream } from "../rpc/calls.ts";
import type { JobSubmission, SubmissionResult, SubmitOptions, Submittable, SubmittedJob } from "./options.ts";
import { createSubmitRequest } from "./submit-request.ts";

const maxSubmissionsPerFrame = 500;
const maxFrameBytes = 512 * 1024;

type Call = ClientDuplexStream<SubmitJobsRequest, SubmitJobsResponse>;

interface Pending {
  resolve(job: SubmittedJob): void;
  reject(error: TaskgroveError): void;
}

/**
 * Many submissions in flight over one stream. What is submitted in one turn of the event loop, or while the connection is busy, goes out
 * in one frame. When the stream breaks, what was not answered is rejected (it may or may not be stored: submit it again with the same
 * idempotency key), and the next submission opens a new stream.
 */
export class SubmitStream implements AsyncDisposable {
  readonly #client: GrpcClient;
  readonly #pending = new Map<number, Pending>();
  #queue: KeyedSubmission[] = [];
  #call: Call | undefined;
  #nextKey = 1;
  #isFlushPlanned = false;
  #isCongested = false;
  #onIdle: (() => void) | undefined;

  constructor(client: GrpcClient) {
    this.#client = client;
  }

  /**
   * Resolves when the job is stored. Rejects with a TaskgroveError when it is refused or the stream broke before the answer, and with the
   * errors of `jobs.submit` for what is refused before it is sent.
   */
  async submit(name: string, tasks: Submittable, options: SubmitOptions = {}): Promise<SubmittedJob> {
    const request = createSubmitRequest(name, tasks, options);
    const job = request instanceof Promise ? await request : request;
    return new Promise((resolve, reject) => {
      const key = this.#nextKey++;
      this.#pending.set(key, { resolve, reject });
      this.#queue.push({ key, job });
      this.#planFlush();
    });
  }

  /** Waits for the answers that are missing, then closes. */
  async close(): Promise<void> {
    if (this.#pending.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    this.#call?.end();
    this.#call = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #planFlush(): void {
    if (this.#isFlushPlanned || this.#isCongested) return;
    this.#isFlushPlanned = true;
    setImmediate(() => {
      this.#isFlushPlanned = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#queue.length > 0 && !this.#isCongested) {
      this.#call ??= this.#open();
      const call = this.#call;
      const submissions = this.#queue.splice(0, frameLength(this.#queue));
      this.#isCongested = !call.write({ submissions });
    }
  }

  #open(): Call {
    const call = openBidiStream(this.#client, JobServiceService.submitJobs);
    call.on("data", (response: SubmitJobsResponse) => {
      for (const ack of response.acks) this.#settle(ack);
      this.#checkIdle();
    });
    call.on("drain", () => {
      this.#isCongested = false;
      this.#flush();
    });
    call.on("error", (error) => this.#fail(call, toTaskgroveError(error)));
    call.on("end", () => this.#fail(call, new TaskgroveError("UNAVAILABLE", "UNAVAILABLE", "the stream was closed")));
    return call;
  }

  #settle(ack: SubmissionAck): void {
    const pending = this.#pending.get(ack.key);
    if (!pending) return;
    this.#pending.delete(ack.key);
    if (ack.result?.$case === "jobId") {
      pending.resolve({ jobId: ack.result.value, alreadyExisted: ack.alreadyExisted });
    } else {
      const refusal = ack.result?.value ?? { code: 2, reason: "UNKNOWN", message: "neither stored nor refused" };
      pending.reject(new TaskgroveError(statusName(refusal.code), refusal.reason, refusal.message));
    }
  }

  #fail(call: Call, error: TaskgroveError): void {
    if (this.#call !== call) return;
    this.#call = undefined;
    this.#isCongested = false;
    this.#queue = [];
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#pending.size === 0) this.#onIdle?.();
  }
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

/** Submits with at most `window` in flight; results come in the order of their answers. */
export async function* submitAll(
  stream: SubmitStream,
  submissions: Iterable<JobSubmission> | AsyncIterable<JobSubmission>,
  window: number,
): AsyncGenerator<SubmissionResult> {
  const results: SubmissionResult[] = [];
  let inFlight = 0;
  let index = 0;
  let wake = () => {};
  const answered = (result: SubmissionResult) => {
    inFlight--;
    results.push(result);
    wake();
  };
  const nextAnswer = () => (results.length > 0 ? undefined : new Promise<void>((resolve) => (wake = resolve)));
  for await (const { name, tasks, options } of submissions) {
    const position = index++;
    inFlight++;
    stream.submit(name, tasks, options).then(
      (job) => answered({ index: position, ok: true, ...job }),
      (error: Error) => answered({ index: position, ok: false, error }),
    );
    if (inFlight >= window) await nextAnswer();
    yield* results.splice(0);
  }
  while (inFlight > 0 || results.length > 0) {
    await nextAnswer();
    yield* results.splice(0);
  }
}
