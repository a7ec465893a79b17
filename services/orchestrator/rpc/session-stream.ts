import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Rejection, Result } from "../domain/rejection.ts";
import type {
  GrantedTask,
  LeaseAck,
  LeaseRef,
  OpenedSession,
  SessionHandle,
  SessionHello,
  SessionSink,
} from "../engine/api.ts";
import type { Outcome, SubtaskPart } from "../gen/taskgrove/v1/lease.ts";
import type { Hello, SessionLimits, SessionRequest, SessionResponse } from "../gen/taskgrove/v1/runner.ts";
import { endedOnPurpose, endWithRejection, endWithThrown, type RpcContext } from "./calls.ts";
import { decodeLeases, decodeOutcome, decodePart } from "./decode-tasks.ts";
import {
  encodeAcks,
  encodeGoAway,
  encodeGrants,
  encodeRevocations,
  encodeWelcome,
  IDLE,
  PING,
  refusedAck,
} from "./encode-session.ts";

/**
 * One runner's stream, between grpc-js and the engine.
 *
 * - Phases: *hello* (nothing came yet) → *opening* (the engine is asked; reading pauses, so that what follows keeps its order) → *open* → *closed*.
 *   What the engine sends before the welcome is held back until the welcome is out.
 * - A runner that does not read: `write` refuses, the engine is told not to grant (`isWritable`), and answers are collected until the
 *   stream drains. A runner that sends without end: reading pauses while too much is unanswered, counted in answers and in bytes.
 *   So one session costs a bounded amount of memory whatever its runner does.
 * - The stream ends in exactly one of these ways, and the engine hears of it once: the runner half-closes (`end`: what it holds is
 *   released), the stream breaks or breaks the protocol (`lost`: the runner may resume), or the engine closes it.
 */

/** A frame with its size on the wire. */
export interface SizedRequest {
  readonly request: SessionRequest;
  readonly bytes: number;
}

export type SessionCall = ServerDuplexStream<SizedRequest, SessionResponse>;

/** Outcomes and parts that may be unanswered before reading pauses. */
const MAX_UNANSWERED = 4_000;
/** Their size on the wire. One larger frame is still taken. */
const MAX_UNANSWERED_BYTES = 4 * 1024 * 1024;
/** Grants on their way to a runner above which it gets no more; grpc-js itself counts frames, and ours may be large. */
const MAX_GRANT_BYTES = 2 * 1024 * 1024;

const METHOD = "RunnerService.Session";

type Frame = NonNullable<SessionRequest["frame"]>;

/** One runner's stream. */
export class SessionStream implements SessionSink {
  readonly #call: SessionCall;
  readonly #context: RpcContext;
  readonly #limits: SessionLimits;
  #phase: "hello" | "opening" | "open" | "closed" = "hello";
  #handle: SessionHandle | null = null;
  readonly #beforeWelcome: (() => void)[] = [];
  #writable = true;
  /** Size of the grants that have not left this process. */
  #grantBytes = 0;
  #heldAcks: LeaseAck[] = [];
  #unansweredBytes = 0;
  #readingPaused = false;
  #goneAway = false;
  #draining = false;
  #halfClosed = false;

  constructor(call: SessionCall, context: RpcContext, limits: SessionLimits) {
    this.#call = call;
    this.#context = context;
    this.#limits = limits;
    call.on("data", (sized: SizedRequest) => this.#onFrame(sized));
    call.on("end", () => void this.#onEnd());
    call.on("drain", () => this.#onDrain());
    call.on("cancelled", () => this.#onBroken());
    call.on("error", () => this.#onBroken());
  }

  grants(granted: readonly GrantedTask[]): void {
    for (const { response, bytes } of encodeGrants(granted)) {
      this.#grantBytes += bytes;
      this.#send(response, () => this.#onGrantsSent(bytes));
    }
  }

  acks(acks: readonly LeaseAck[]): void {
    if (this.#phase === "closed") return;
    if (this.#writable) this.#send(encodeAcks(acks));
    else for (const ack of acks) this.#heldAcks.push(ack);
    // The engine counts the answers off in the same turn as it gives them, before or after.
    if (this.#readingPaused || this.#halfClosed) setImmediate(() => this.#onRoom());
  }

  revocations(revocations: Parameters<SessionSink["revocations"]>[0]): void {
    this.#send(encodeRevocations(revocations));
  }

  idle(): void {
    this.#send(IDLE);
  }

  ping(): void {
    if (this.#writable) this.#send(PING);
  }

  goAway(reason: string): void {
    if (this.#goneAway || this.#phase === "closed") return;
    this.#goneAway = true;
    this.#send(encodeGoAway(reason));
  }

  close(rejection: Rejection): void {
    this.#finish(() => endWithRejection(this.#call, rejection));
  }

  isWritable(): boolean {
    return this.#writable && this.#grantBytes < MAX_GRANT_BYTES && this.#phase !== "closed";
  }

  #onFrame({ request, bytes }: SizedRequest): void {
    const frame = request.frame;
    if (this.#phase === "closed") return;
    if (frame === undefined) {
      this.#violate("a frame is empty, of an unknown kind, or not a SessionRequest");
    } else if (frame.$case === "hello") {
      if (this.#phase === "hello") void this.#open(frame.value);
      else this.#violate("hello must be the first frame and only the first");
    } else if (this.#handle === null) {
      this.#violate(`the first frame must be a hello, not ${frame.$case}`);
    } else {
      this.#dispatch(this.#handle, frame, bytes);
    }
  }

  #dispatch(handle: SessionHandle, frame: Exclude<Frame, { $case: "hello" }>, bytes: number): void {
    switch (frame.$case) {
      case "outcomes":
        this.#takeAnswered(frame.value.outcomes, decodeOutcome, (outcomes) => handle.outcomes(outcomes), bytes);
        break;
      case "subtaskParts":
        this.#takeAnswered(frame.value.parts, decodePart, (parts) => handle.parts(parts), bytes);
        break;
      case "progressReports":
        handle.progress(frame.value.reports);
        break;
      case "heartbeat":
        handle.heartbeat();
        break;
      case "addCredits":
        handle.addCredits(frame.value.credits);
        break;
      case "drain":
        this.#draining = true;
        handle.drain();
        break;
    }
  }

  /** Hands on what can be read and refuses the rest, one by one: a malformed outcome does not touch its neighbours. */
  #takeAnswered<Wire extends Outcome | SubtaskPart, Decoded>(
    items: readonly Wire[],
    decode: (item: Wire) => Result<Decoded>,
    handOn: (decoded: Decoded[]) => void,
    bytes: number,
  ): void {
    const decoded: Decoded[] = [];
    const refused: LeaseAck[] = [];
    for (const item of items) {
      const result = decode(item);
      if (result.ok) decoded.push(result.value);
      else refused.push(refusedAck(item, result));
    }
    if (decoded.length > 0) {
      this.#unansweredBytes += bytes;
      handOn(decoded);
    }
    if (refused.length > 0) this.acks(refused);
    if (this.#isFull()) this.#pauseReading();
  }

  async #open(hello: Hello): Promise<void> {
    this.#phase = "opening";
    this.#pauseReading();
    try {
      const opened = await this.#context.engine.openSession(decodeHello(hello), this);
      if (opened.ok) this.#welcome(opened.value);
      else this.close(opened.rejection);
    } catch (error) {
      this.#finish(() => endWithThrown(this.#call, error, METHOD, this.#context.logger));
    }
  }

  #welcome(opened: OpenedSession): void {
    // The stream may have broken, or the engine may have closed it, in the meantime.
    if (this.#phase === "closed") {
      opened.handle.lost();
      return;
    }
    this.#handle = opened.handle;
    this.#phase = "open";
    this.#send(encodeWelcome(opened, this.#limits));
    for (const send of this.#beforeWelcome.splice(0)) send();
    this.#resumeReading();
  }

  #send(frame: SessionResponse, onSent?: () => void): void {
    if (this.#phase === "closed") return;
    if (this.#phase !== "open") this.#beforeWelcome.push(() => this.#send(frame, onSent));
    else if (!this.#call.write(frame, onSent)) this.#writable = false;
  }

  #onGrantsSent(bytes: number): void {
    const wasWritable = this.isWritable();
    this.#grantBytes -= bytes;
    if (!wasWritable && this.isWritable()) this.#handle?.writable();
  }

  #onDrain(): void {
    this.#writable = true;
    if (this.#phase !== "open") return;
    this.#sendHeldAcks();
    if (this.isWritable()) this.#handle?.writable();
    this.#onRoom();
  }

  #sendHeldAcks(): void {
    if (this.#heldAcks.length === 0) return;
    this.#send(encodeAcks(this.#heldAcks));
    this.#heldAcks = [];
  }

  async #onEnd(): Promise<void> {
    if (!(await endedOnPurpose(this.#call))) return;
    this.#halfClosed = true;
    this.#onRoom();
  }

  /** After answers went out: reads on, or ends when the runner has half-closed and nothing is left to answer. */
  #onRoom(): void {
    if (this.#phase === "closed") return;
    const pending = this.#handle?.pending() ?? 0;
    if (pending === 0) this.#unansweredBytes = 0;
    if (this.#halfClosed) {
      if (pending === 0) this.#finish(() => this.#endNormally());
    } else if (this.#readingPaused && !this.#isFull()) {
      this.#resumeReading();
    }
  }

  #endNormally(): void {
    // Whoever was sent away and closes without having drained goes on elsewhere with its leases.
    if (this.#goneAway && !this.#draining) this.#handle?.lost();
    else this.#handle?.end();
    this.#call.end();
  }

  #violate(message: string): void {
    this.#context.logger.warn({ peer: this.#call.getPeer(), problem: message }, "session broke the protocol");
    this.#finish(() => {
      this.#handle?.lost();
      endWithRejection(this.#call, { reason: "PROTOCOL_VIOLATION", message });
    });
  }

  #onBroken(): void {
    this.#finish(() => this.#handle?.lost());
  }

  #finish(how: () => void): void {
    if (this.#phase === "closed") return;
    if (this.#phase === "open") this.#sendHeldAcks();
    this.#phase = "closed";
    // What still comes is read and dropped, so that the status is not stuck behind it.
    this.#call.resume();
    how();
  }

  #isFull(): boolean {
    const unanswered = (this.#handle?.pending() ?? 0) + this.#heldAcks.length;
    return unanswered > MAX_UNANSWERED || this.#unansweredBytes > MAX_UNANSWERED_BYTES;
  }

  #pauseReading(): void {
    this.#readingPaused = true;
    this.#call.pause();
  }

  #resumeReading(): void {
    this.#readingPaused = false;
    this.#call.resume();
  }
}

function decodeHello(hello: Hello): SessionHello {
  return {
    runnerName: hello.runnerName,
    cluster: hello.cluster,
    identifiers: hello.identifiers,
    credits: hello.credits,
    sessionId: hello.sessionId === "" ? null : hello.sessionId,
    leases: decodeLeases(hello.leases) satisfies LeaseRef[],
    notifyIdle: hello.notifyIdle,
  };
}
