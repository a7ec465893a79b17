import { TaskgroveError } from "../errors.ts";
import type { Duration } from "../gen/google/protobuf/duration.ts";
import { type Ack, AckResult, type Grants, type Revocation, RevocationReason } from "../gen/taskgrove/v1/lease.ts";
import { SessionRequest, SessionResponse, type Welcome } from "../gen/taskgrove/v1/runner.ts";
import { pickAddress, type Resolve, resolveAddresses } from "../rpc/addresses.ts";
import { reconnectDelayMs } from "../rpc/backoff.ts";
import type { SubmissionLimits } from "../submission/split.ts";
import { Connection } from "./connection.ts";
import { LeaseTable } from "./lease-table.ts";
import type { LeaseStop, SessionConfig, ToSession } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { encodeReleased } from "./outcome.ts";
import { unpackMessages } from "./packed-messages.ts";
import type { ToMain } from "./to-main.ts";

/**
 * The runner's side of a session, on its own thread, so that nothing a handler does can delay a heartbeat.
 *
 * - It knows every lease that is held, with the parts and the outcome that were not acknowledged. Whatever happens to the stream, a new one
 *   lists them in its hello and sends them again, so nothing is lost and nothing is done twice.
 * - A stream that ends, breaks, or is silent for three ping intervals is replaced, elsewhere first, with exponential backoff and full
 *   jitter. A stream that is told to go away is half-closed, read to its end, and then replaced at once.
 * - A refusal that will not change (unknown cluster, broken protocol, no such service) ends the session with an error.
 * - When another stream has resumed the session (`ABORTED`: a copy of this process, say), the leases are the other's: attempts are
 *   stopped as `LEASE_LOST` and a new session begins without leases.
 * - Credits: each lease gives its credit back with its outcome. Where the orchestrator cannot know that a place is free again, because the
 *   lease was lost between two streams, the place is offered with AddCredits.
 */
export class Session {
  readonly #config: SessionConfig;
  readonly #toMain: ToMain;
  readonly #resolve: Resolve;
  readonly #leases = new LeaseTable();
  readonly #outbox = new Outbox();
  #connection: Connection | undefined;
  /** Counts connections, from 1. */
  #connectionNumber = 0;
  /** The hello was answered, and the stream takes frames. */
  #isOpen = false;
  #isCongested = false;
  #isClosed = false;
  #sessionId = "";
  #limits: SubmissionLimits = { maxMessageBytes: 0, maxSubtasks: 0, maxInputBytes: 0 };
  #shutdown: ToSession["shutdown"];
  /** Failed connections in a row. */
  #failures = 0;
  #avoidedTarget: string | undefined;
  /** Places that became free since the hello and that nothing else tells the orchestrator of. */
  #creditsOwed = 0;
  #lastHeardMs = 0;
  readonly #timers = new Set<NodeJS.Timeout>();

  /** `resolve` is asked before each connection: what is behind a name comes and goes. */
  constructor(config: SessionConfig, toMain: ToMain, resolve: Resolve = resolveAddresses) {
    this.#config = config;
    this.#toMain = toMain;
    this.#resolve = resolve;
  }

  /** Connects, and keeps connected until the session is closed. */
  start(): void {
    void this.#connect();
  }

  /** Takes what the main thread has collected. */
  apply(message: ToSession): void {
    if (message.parts) this.#takeParts(message.parts);
    if (message.outcomes) {
      for (const outcome of unpackMessages(message.outcomes)) {
        const lease = this.#leases.get(outcome.leaseToken);
        if (!lease) {
          this.#endLost(outcome.leaseToken);
          continue;
        }
        lease.outcome = outcome;
        if (this.#isOpen) this.#outbox.addOutcome(outcome);
      }
    }
    if (message.progress) {
      for (const report of unpackMessages(message.progress)) this.#outbox.addProgress(report.leaseToken, report);
    }
    for (const leaseToken of message.abandoned ?? []) this.#endLost(leaseToken);
    if (message.shutdown) this.#shutDown(message.shutdown);
    this.#flush();
  }

  #takeParts(parts: NonNullable<ToSession["parts"]>): void {
    for (const [index, part] of unpackMessages(parts).entries()) {
      const lease = this.#leases.get(part.leaseToken);
      if (!lease) continue;
      lease.parts.set(parts.numbers[index] ?? 0, part);
      if (this.#isOpen) this.#outbox.addPart(part);
    }
  }

  #shutDown(how: NonNullable<ToSession["shutdown"]>): void {
    if (!this.#shutdown && this.#isOpen) this.#write({ $case: "drain", value: {} });
    this.#shutdown = how;
    this.#checkFinished();
  }

  async #connect(): Promise<void> {
    const addresses = await this.#resolve(this.#config.addresses);
    if (this.#isClosed) return;
    const address = pickAddress(addresses, this.#avoidedTarget, Math.random);
    if (!address) {
      this.#onClosed(new TaskgroveError("UNAVAILABLE", "UNAVAILABLE", "no address could be resolved"));
      return;
    }
    this.#avoidedTarget = address.target;
    this.#connectionNumber++;
    this.#isCongested = false;
    this.#connection = new Connection(address, this.#config.tls, {
      frame: (bytes) => this.#onFrame(bytes),
      drained: () => {
        this.#isCongested = false;
        this.#flush();
      },
      closed: (error) => this.#onClosed(error),
    });
    this.#sendHello();
    this.#dropAfter(welcomeTimeoutMs, "the orchestrator did not answer the hello");
  }

  #sendHello(): void {
    const { runnerName, cluster, identifiers, concurrency, notifyIdle } = this.#config;
    const leases = Array.from(this.#leases.held(), ({ taskId, leaseToken }) => ({ taskId, leaseToken }));
    const credits = this.#shutdown ? 0 : Math.max(0, concurrency - this.#leases.taken);
    this.#creditsOwed = 0;
    const value = { runnerName, cluster, identifiers: [...identifiers], credits, leases, notifyIdle };
    this.#write({ $case: "hello", value: { ...value, sessionId: this.#sessionId } });
  }

  #onFrame(bytes: Buffer): void {
    this.#lastHeardMs = performance.now();
    const frame = SessionResponse.decode(bytes).frame;
    switch (frame?.$case) {
      case "welcome":
        this.#onWelcome(frame.value);
        break;
      case "grants":
        this.#onGrants(frame.value, bytes);
        break;
      case "acks":
        for (const ack of frame.value.acks) this.#onAck(ack);
        this.#checkFinished();
        break;
      case "revocations":
        for (const revocation of frame.value.revocations) this.#onRevocation(revocation);
        break;
      case "ping":
        this.#sendHeartbeat();
        break;
      case "goAway":
        this.#onGoAway(frame.value.reason);
        break;
      case "idle":
        this.#toMain.idle();
        break;
    }
  }

  #onWelcome(welcome: Welcome): void {
    this.#clearTimers();
    this.#isOpen = true;
    this.#failures = 0;
    this.#limits = toLimits(welcome);
    for (const { leaseToken } of welcome.lostLeases) this.#lose(leaseToken, "LEASE_LOST", 0);
    this.#logWelcome(welcome);
    this.#sessionId = welcome.sessionId;
    if (this.#connection) this.#toMain.connected({ address: this.#connection.address, limits: this.#limits });
    this.#every(toMs(welcome.heartbeatInterval, defaultHeartbeatMs), () => this.#sendHeartbeat());
    const silenceMs = silentPings * toMs(welcome.pingInterval, defaultPingMs);
    this.#every(silenceMs / silenceChecks, () => this.#checkSilence(silenceMs));
    if (this.#shutdown) this.#write({ $case: "drain", value: {} });
    else if (this.#creditsOwed > 0) this.#write({ $case: "addCredits", value: { credits: this.#creditsOwed } });
    this.#resend();
    this.#flush();
    this.#checkFinished();
  }

  #logWelcome({ resumed, lostLeases }: Welcome): void {
    const fields = { address: this.#connection?.address.target, leases: this.#leases.size, lost: lostLeases.length };
    if (this.#sessionId === "") this.#toMain.log("info", "connected", fields);
    else this.#toMain.log("info", resumed ? "session resumed" : "session replaced by a new one", fields);
  }

  /** Everything that was not acknowledged goes out again. */
  #resend(): void {
    this.#outbox.clear();
    for (const lease of this.#leases.held()) {
      for (const part of lease.parts.values()) this.#outbox.addPart(part);
      if (lease.outcome) this.#outbox.addOutcome(lease.outcome);
    }
  }

  #onGrants(grants: Grants, bytes: Buffer): void {
    for (const grant of grants.grants) this.#leases.grant(grant.taskId, grant.leaseToken);
    this.#toMain.grants(bytes);
  }

  #onAck({ taskId, leaseToken, part, result, reason, message }: Ack): void {
    const lease = this.#leases.get(leaseToken);
    if (!lease || (part === undefined && !lease.outcome)) return;
    const refusal = result === AckResult.ACK_RESULT_REFUSED ? { reason, message } : undefined;
    if (part !== undefined) {
      lease.parts.delete(part);
      if (result === AckResult.ACK_RESULT_STALE_LEASE) this.#lose(leaseToken, "LEASE_LOST", this.#connectionNumber);
      else this.#toMain.ack({ taskId, leaseToken, part, refusal, refusals: 0 });
    } else if (refusal) {
      lease.outcome = undefined;
      lease.refusals++;
      this.#toMain.ack({ taskId, leaseToken, part: undefined, refusal, refusals: lease.refusals });
    } else {
      this.#leases.settle(leaseToken);
      if (result === AckResult.ACK_RESULT_STALE_LEASE) this.#toMain.log("debug", "outcome was superseded", { taskId });
    }
  }

  #onRevocation({ leaseToken, reason }: Revocation): void {
    if (reason === RevocationReason.REVOCATION_REASON_JOB_CANCELED) {
      const lease = this.#leases.get(leaseToken);
      if (lease && !lease.outcome) this.#toMain.stop({ leaseToken, reason: "JOB_CANCELED", isLost: false });
      return;
    }
    const isTimeout = reason === RevocationReason.REVOCATION_REASON_ATTEMPT_TIMEOUT;
    this.#lose(leaseToken, isTimeout ? "ATTEMPT_TIMEOUT" : "LEASE_LOST", this.#connectionNumber);
  }

  #onGoAway(reason: string): void {
    this.#toMain.log("info", "the orchestrator goes away", { reason });
    this.#isOpen = false;
    this.#clearTimers();
    this.#connection?.end();
    this.#dropAfter(closeTimeoutMs, "the orchestrator went away");
  }

  #onClosed(error: TaskgroveError): void {
    this.#connection = undefined;
    this.#isOpen = false;
    this.#clearTimers();
    if (this.#isClosed) return;
    const { code, reason, message } = error;
    if (this.#shutdown === "finish" && this.#leases.size === 0) this.#close();
    else if (fatalCodes.has(code)) this.#close({ code, reason, message });
    else this.#reconnect(error);
  }

  #reconnect(error: TaskgroveError): void {
    if (error.code === "ABORTED") this.#startAfresh();
    const delayMs = reconnectDelayMs(this.#failures++);
    const fields = { code: error.code, problem: error.message, delayMs: Math.round(delayMs) };
    this.#toMain.log("warn", "connection lost; reconnecting", fields);
    this.#after(delayMs, () => void this.#connect());
  }

  #startAfresh(): void {
    this.#sessionId = "";
    for (const { leaseToken } of [...this.#leases.held()]) this.#lose(leaseToken, "LEASE_LOST", 0);
  }

  /** `connection`: on which the lease was revoked; 0 when it was lost in between, so that only AddCredits gives the place back. */
  #lose(leaseToken: string, reason: LeaseStop["reason"], connection: number): void {
    const place = this.#leases.lose(leaseToken, connection);
    if (place === "running") this.#toMain.stop({ leaseToken, reason, isLost: true });
    else if (place === "free" && connection === 0) this.#creditsOwed++;
  }

  /** An attempt without a lease has ended: its place is free again. */
  #endLost(leaseToken: string): void {
    const lost = this.#leases.endLost(leaseToken);
    if (!lost) return;
    if (!this.#isOpen) this.#creditsOwed++;
    else if (lost.connection !== this.#connectionNumber) this.#write({ $case: "addCredits", value: { credits: 1 } });
    else this.#outbox.addOutcome(encodeReleased({ taskId: lost.taskId, leaseToken }));
  }

  #checkFinished(): void {
    if (this.#shutdown !== "finish" || this.#leases.size > 0 || this.#isClosed) return;
    if (!this.#isOpen) {
      this.#close();
      return;
    }
    this.#isOpen = false;
    this.#clearTimers();
    this.#connection?.end();
    this.#dropAfter(closeTimeoutMs, "the orchestrator did not close the stream");
  }

  #close(error?: { readonly code: string; readonly reason: string; readonly message: string }): void {
    this.#isClosed = true;
    this.#clearTimers();
    this.#connection?.cancel();
    this.#toMain.closed(error);
  }

  #sendHeartbeat(): void {
    if (this.#isOpen) this.#write({ $case: "heartbeat", value: {} });
  }

  #checkSilence(silenceMs: number): void {
    if (performance.now() - this.#lastHeardMs > silenceMs) this.#drop("the orchestrator was silent for too long");
  }

  #write(frame: NonNullable<SessionRequest["frame"]>): void {
    if (this.#connection?.write(SessionRequest.encode({ frame }).finish()) === false) this.#isCongested = true;
  }

  #flush(): void {
    while (this.#isOpen && !this.#isCongested && this.#connection) {
      const frame = this.#outbox.nextFrame(this.#limits);
      if (!frame) return;
      this.#isCongested = !this.#connection.write(frame);
    }
  }

  #drop(problem: string): void {
    this.#connection?.cancel();
    this.#onClosed(new TaskgroveError("UNAVAILABLE", "UNAVAILABLE", problem));
  }

  #dropAfter(delayMs: number, problem: string): void {
    this.#after(delayMs, () => this.#drop(problem));
  }

  #after(delayMs: number, act: () => void): void {
    this.#timers.add(setTimeout(act, delayMs));
  }

  #every(intervalMs: number, act: () => void): void {
    this.#timers.add(setInterval(act, Math.max(shortestIntervalMs, intervalMs)));
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

const welcomeTimeoutMs = 10_000;
const closeTimeoutMs = 2_000;
const defaultHeartbeatMs = 5_000;
const defaultPingMs = 15_000;
const silentPings = 3;
const silenceChecks = 6;
/** Whatever pace the orchestrator asks for, timers are not shorter. */
const shortestIntervalMs = 10;
/** Trying again would give the same answer. */
const fatalCodes = new Set(["INVALID_ARGUMENT", "NOT_FOUND", "UNIMPLEMENTED", "PERMISSION_DENIED", "UNAUTHENTICATED"]);

function toLimits({ limits }: Welcome): SubmissionLimits {
  return {
    maxMessageBytes: limits?.maxMessageBytes || Number.POSITIVE_INFINITY,
    maxSubtasks: limits?.maxSubtasksPerFrame || Number.POSITIVE_INFINITY,
    maxInputBytes: limits?.maxInputBytes || Number.POSITIVE_INFINITY,
  };
}

function toMs(duration: Duration | undefined, fallback: number): number {
  return duration ? duration.seconds * 1000 + duration.nanos / 1e6 : fallback;
}
