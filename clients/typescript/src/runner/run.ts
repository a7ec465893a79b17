import { TaskgroveError } from "../errors.ts";
import { SessionResponse } from "../gen/taskgrove/v1/runner.ts";
import type { Logger } from "../logger.ts";
import type { SubmissionLimits } from "../submission/split.ts";
import { Attempt, type AttemptEvents } from "./attempt.ts";
import type { AttemptServices } from "./attempt-context.ts";
import { CacheConnection } from "./cache-connection.ts";
import { describeFailure, RefusedError } from "./failure.ts";
import type { ForwardedAck, FromSession, LeaseStop, SessionConfig } from "./messages.ts";
import { type Encoded, encodeFailed, encodeReleased } from "./outcome.ts";
import { ProgressReporter } from "./progress-reporter.ts";
import { SessionLink } from "./session-link.ts";
import type { TaskRegistry } from "./task-registry.ts";

/** How a run goes. */
export interface RunSettings {
  readonly registry: TaskRegistry;
  readonly session: SessionConfig;
  readonly shutdownGraceMs: number;
  readonly logger: Logger;
}

/** Starting attempts goes on in the next turn of the event loop after this long, so that outcomes are sent and stops are heard in between. */
const startSliceMs = 10;
/** After a drain, how long to wait until everything is acknowledged. */
const finishTimeoutMs = 15_000;
/** An outcome that reports a refused one may be refused, too; then the task is given back. */
const maxRefusals = 2;

/** One run of a runner, from its start to its end: executes what it is granted. */
export class Run implements AttemptEvents {
  readonly #settings: RunSettings;
  readonly #link: SessionLink;
  readonly #cache: CacheConnection;
  readonly #services: AttemptServices;
  readonly #progress: ProgressReporter;
  readonly #ended = Promise.withResolvers<void>();
  /** Granted, and not started yet. */
  #waiting: Attempt[] = [];
  #isStartPlanned = false;
  /** By lease token: started, and neither ended nor given back. */
  readonly #running = new Map<string, Attempt>();
  #limits: SubmissionLimits | undefined;
  #isIdle = false;
  #phase: "running" | "draining" | "finishing" | "ended" = "running";
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(settings: RunSettings) {
    this.#settings = settings;
    this.#cache = new CacheConnection(settings.session.tls);
    this.#services = { logger: settings.logger, cacheClient: () => this.#cache.client() };
    this.#progress = new ProgressReporter((attempt) => this.#reportProgress(attempt));
    this.#link = new SessionLink(settings.session, {
      message: (message) => this.#onMessage(message),
      broken: (error) => this.#end(error),
    });
  }

  /** Resolves when the run has ended; rejects with a TaskgroveError when the orchestrator refused the runner. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Takes nothing more; ends when all that runs has ended, or was given back after the grace. */
  drain(): void {
    if (this.#phase !== "running") return;
    this.#phase = "draining";
    this.#settings.logger.info("draining", { running: this.#running.size });
    this.#link.shutDown("drain");
    for (const attempt of this.#waiting.splice(0)) this.#release(attempt);
    this.#after(this.#settings.shutdownGraceMs, () => this.#giveBack());
    this.#checkDrained();
  }

  get limits(): SubmissionLimits {
    if (!this.#limits) throw new Error("the runner is not connected yet");
    return this.#limits;
  }

  changed(attempt: Attempt): void {
    this.#progress.changed(attempt);
  }

  part(attempt: Attempt, number: number, part: Encoded): void {
    this.#link.part(attempt.grant.leaseToken, number, part);
  }

  #onMessage(message: FromSession): void {
    for (const { level, message: text, fields } of message.logs ?? []) this.#settings.logger[level](text, fields);
    if (message.connected) {
      this.#limits = message.connected.limits;
      this.#cache.moveTo(message.connected.address);
    }
    for (const frame of message.grants ?? []) this.#onGrants(frame);
    for (const stop of message.stops ?? []) this.#onStop(stop);
    for (const ack of message.acks ?? []) this.#onAck(ack);
    if (message.idle) this.#onIdle();
    if (message.closed) this.#onClosed(message.closed.error);
    this.#startWaiting();
  }

  #onGrants(bytes: Uint8Array): void {
    const frame = SessionResponse.decode(bytes).frame;
    if (frame?.$case !== "grants") return;
    this.#isIdle = false;
    const { grants, jobs, identifiers } = frame.value;
    for (const grant of grants) {
      const [job, identifier] = [jobs[grant.job], identifiers[grant.identifier]];
      if (!job || !identifier) throw new Error("a grant refers to a job or an identifier that is not there");
      const attempt = new Attempt(grant, job, identifier, this);
      if (this.#phase === "running") this.#waiting.push(attempt);
      else this.#release(attempt);
    }
  }

  #startWaiting(): void {
    const startMs = performance.now();
    let count = 0;
    for (const attempt of this.#waiting) {
      if (performance.now() - startMs > startSliceMs) break;
      count++;
      this.#start(attempt);
    }
    this.#waiting.splice(0, count);
    if (this.#waiting.length === 0 || this.#isStartPlanned) return;
    this.#isStartPlanned = true;
    setImmediate(() => {
      this.#isStartPlanned = false;
      this.#startWaiting();
    });
  }

  #start(attempt: Attempt): void {
    const { leaseToken } = attempt.grant;
    this.#running.set(leaseToken, attempt);
    void attempt.execute(this.#settings.registry.find(attempt.identifier), this.#services).then((outcome) => {
      // Given back meanwhile: the outcome came too late.
      if (!this.#running.delete(leaseToken)) return;
      this.#progress.forget(attempt);
      if (outcome) this.#link.outcome(leaseToken, outcome);
      else this.#link.abandoned(leaseToken);
      this.#checkDrained();
      this.#checkIdle();
    });
  }

  #release(attempt: Attempt): void {
    this.#link.outcome(attempt.grant.leaseToken, encodeReleased(attempt.grant));
  }

  #onStop({ leaseToken, reason, isLost }: LeaseStop): void {
    const waiting = this.#waiting.findIndex((attempt) => attempt.grant.leaseToken === leaseToken);
    const attempt = this.#running.get(leaseToken) ?? this.#waiting[waiting];
    if (!attempt) return;
    if (isLost) attempt.lose(reason);
    else attempt.abort(reason);
    if (waiting < 0) return;
    this.#waiting.splice(waiting, 1);
    if (isLost) this.#link.abandoned(leaseToken);
    else this.#release(attempt);
  }

  #onAck({ taskId, leaseToken, part, refusal, refusals }: ForwardedAck): void {
    if (part !== undefined) {
      this.#running.get(leaseToken)?.answerPart(part, refusal);
    } else if (refusal) {
      const fields = { taskId, reason: refusal.reason, problem: refusal.message };
      this.#settings.logger.error("outcome was refused", fields);
      const lease = { taskId, leaseToken };
      const failed = describeFailure(new RefusedError(refusal));
      if (refusals < maxRefusals) this.#link.outcome(leaseToken, encodeFailed(lease, failed));
      else if (refusals === maxRefusals) this.#link.outcome(leaseToken, encodeReleased(lease));
    }
  }

  #onIdle(): void {
    this.#isIdle = true;
    this.#checkIdle();
  }

  /** An attempt whose lease was lost may still run when the orchestrator has nothing left. */
  #checkIdle(): void {
    if (this.#isIdle && this.#running.size === 0 && this.#waiting.length === 0) this.drain();
  }

  #reportProgress(attempt: Attempt): void {
    if (!attempt.isLost) this.#link.progress(attempt.grant.leaseToken, attempt.encodeProgress());
  }

  /** The grace is over. */
  #giveBack(): void {
    for (const attempt of this.#running.values()) {
      attempt.abort("RUNNER_SHUTDOWN");
      if (attempt.isLost) this.#link.abandoned(attempt.grant.leaseToken);
      else this.#release(attempt);
    }
    this.#settings.logger.warn("gave back what still ran after the grace", { tasks: this.#running.size });
    this.#running.clear();
    this.#checkDrained();
  }

  #checkDrained(): void {
    if (this.#phase !== "draining" || this.#running.size > 0) return;
    this.#phase = "finishing";
    this.#clearTimers();
    this.#link.shutDown("finish");
    this.#after(finishTimeoutMs, () => {
      this.#settings.logger.warn(
        "stopped before everything was acknowledged; the orchestrator will take the leases back",
      );
      this.#end();
    });
  }

  #onClosed(refusal: { readonly code: string; readonly reason: string; readonly message: string } | undefined): void {
    this.#end(refusal && new TaskgroveError(refusal.code, refusal.reason, refusal.message));
  }

  #end(error?: Error): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    this.#clearTimers();
    this.#progress.stop();
    for (const attempt of this.#running.values()) attempt.lose("RUNNER_SHUTDOWN");
    this.#running.clear();
    this.#waiting = [];
    this.#cache.close();
    void this.#link.terminate().then(() => (error ? this.#ended.reject(error) : this.#ended.resolve()));
  }

  #after(delayMs: number, act: () => void): void {
    this.#timers.add(setTimeout(act, delayMs));
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
