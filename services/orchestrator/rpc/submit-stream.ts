import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import { type Rejection, reject } from "../domain/rejection.ts";
import type { SubmittedJob } from "../engine/api.ts";
import type {
  KeyedSubmission,
  SubmissionAck,
  SubmitJobsRequest,
  SubmitJobsResponse,
} from "../gen/taskgrove/v1/job_service.ts";
import { endWithRejection, type RpcContext } from "./calls.ts";
import { decodeSubmission } from "./decode-tasks.ts";
import { STATUS_OF_REASON, storeAwayRejection } from "./status.ts";
import { STOPPING } from "./stopping.ts";

/** A frame with its size on the wire. */
export interface SizedSubmissions {
  readonly request: SubmitJobsRequest;
  readonly bytes: number;
}

export type SubmitCall = ServerDuplexStream<SizedSubmissions, SubmitJobsResponse>;

/** Submissions of one stream that may be unanswered before reading pauses. */
const MAX_IN_FLIGHT = 4_000;
/** Their size on the wire. One larger frame is still taken. */
const MAX_IN_FLIGHT_BYTES = 8 * 1024 * 1024;
const METHOD = "JobService.SubmitJobs";
const INTERNAL_REFUSAL = {
  code: status.INTERNAL,
  reason: "INTERNAL",
  message: "internal error; the orchestrator's log says more",
};

/**
 * One stream of submissions: each is handed to the engine at once, answers are collected for one turn of the event loop and go out as one
 * frame. Reading pauses while too many are unanswered or the client does not read its answers.
 */
export class SubmitStream {
  readonly #call: SubmitCall;
  readonly #context: RpcContext;
  #acks: SubmissionAck[] = [];
  #inFlight = 0;
  #inFlightBytes = 0;
  #flushing = false;
  #writable = true;
  #halfClosed = false;
  #stopping = false;
  #closed = false;

  constructor(call: SubmitCall, context: RpcContext) {
    this.#call = call;
    this.#context = context;
    call.on("data", (sized: SizedSubmissions) => this.#onFrame(sized));
    call.on("end", () => this.#onHalfClose());
    call.on("drain", () => this.#onDrain());
    call.on("cancelled", () => this.#finish(() => {}));
    call.on("error", () => this.#finish(() => {}));
  }

  /** Takes no more submissions, answers those in flight, and ends. */
  stop(): void {
    this.#stopping = true;
    this.#call.pause();
    this.#endWhenAnswered();
  }

  #onFrame({ request, bytes }: SizedSubmissions): void {
    if (this.#closed) return;
    if (request.submissions.length === 0) {
      const message = "submissions must hold at least one submission";
      this.#finish(() => endWithRejection(this.#call, { reason: "INVALID_ARGUMENT", message }));
      return;
    }
    this.#inFlightBytes += bytes;
    for (const submission of request.submissions) this.#submit(submission);
    if (this.#isFull()) this.#call.pause();
  }

  #submit({ key, job }: KeyedSubmission): void {
    this.#inFlight++;
    const submission = job === undefined ? reject("INVALID_ARGUMENT", "job is missing") : decodeSubmission(job);
    if (!submission.ok) {
      this.#refuse(key, submission.rejection);
      return;
    }
    this.#context.engine.submitJob(submission.value).then(
      (result) => {
        if (result.ok) this.#accept(key, result.value);
        else this.#refuse(key, result.rejection);
      },
      (error: unknown) => this.#onThrown(key, error),
    );
  }

  #onThrown(key: number, error: unknown): void {
    const { logger } = this.#context;
    const rejection = storeAwayRejection(error, METHOD, logger);
    if (rejection === null) {
      logger.error({ err: error, method: METHOD }, "submission failed unexpectedly");
      this.#answer({ key, result: { $case: "refusal", value: INTERNAL_REFUSAL }, alreadyExisted: false });
    } else {
      this.#refuse(key, rejection);
    }
  }

  #accept(key: number, { job, alreadyExisted }: SubmittedJob): void {
    this.#answer({ key, result: { $case: "jobId", value: job.id }, alreadyExisted });
  }

  #refuse(key: number, { reason, message }: Rejection): void {
    const refusal = { code: STATUS_OF_REASON[reason], reason, message };
    this.#answer({ key, result: { $case: "refusal", value: refusal }, alreadyExisted: false });
  }

  #answer(ack: SubmissionAck): void {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#inFlightBytes = 0;
    this.#acks.push(ack);
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      if (this.#writable) this.#flush();
    });
  }

  #flush(): void {
    if (this.#closed) return;
    if (this.#acks.length > 0) {
      this.#writable = this.#call.write({ acks: this.#acks });
      this.#acks = [];
    }
    this.#endWhenAnswered();
    if (!this.#stopping && !this.#isFull() && this.#call.isPaused()) this.#call.resume();
  }

  #onDrain(): void {
    this.#writable = true;
    this.#flush();
  }

  #onHalfClose(): void {
    this.#halfClosed = true;
    this.#endWhenAnswered();
  }

  #endWhenAnswered(): void {
    if (this.#inFlight > 0 || this.#acks.length > 0) return;
    if (this.#halfClosed) this.#finish(() => this.#call.end());
    else if (this.#stopping) this.#finish(() => endWithRejection(this.#call, STOPPING));
  }

  #finish(how: () => void): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#call.resume();
    how();
  }

  #isFull(): boolean {
    return this.#inFlight + this.#acks.length > MAX_IN_FLIGHT || this.#inFlightBytes > MAX_IN_FLIGHT_BYTES;
  }
}
