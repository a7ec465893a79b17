import type { Progress } from "../domain/records.ts";
import type { Rejection, Result } from "../domain/rejection.ts";
import type { TaskSet } from "../domain/submission.ts";
import type {
  Engine,
  GrantedTask,
  LeaseAck,
  LeaseRef,
  OpenedSession,
  Outcome,
  RevocationReason,
  SessionHandle,
  SessionHello,
  SessionSink,
  SubtaskPart,
} from "../engine/api.ts";

/** A granted task with the text of its input. */
export type Grant = GrantedTask & { readonly label: string };

/** A runner without a wire: keeps what the engine sends and says what the test wants. */
export class TestRunner implements SessionSink {
  /** All grants, in order. */
  readonly granted: Grant[] = [];
  /** The frames that they came in. */
  readonly grantFrames: Grant[][] = [];
  readonly acked: LeaseAck[] = [];
  readonly revoked: (LeaseRef & { readonly reason: RevocationReason })[] = [];
  idles = 0;
  pings = 0;
  readonly goneAway: string[] = [];
  closed: Rejection | null = null;
  isReading = true;
  #opened: OpenedSession | null = null;
  #taken = 0;

  /** Says hello and waits for the answer. */
  async connect(engine: Engine, hello: Partial<SessionHello> = {}): Promise<Result<OpenedSession>> {
    const opened = await engine.openSession(
      {
        runnerName: "runner",
        cluster: "",
        identifiers: [{ name: "Task", version: "v1.0" }],
        credits: 0,
        sessionId: null,
        leases: [],
        notifyIdle: false,
        ...hello,
      },
      this,
    );
    if (opened.ok) this.#opened = opened.value;
    return opened;
  }

  get session(): OpenedSession {
    if (this.#opened === null) throw new Error("the session was not opened");
    return this.#opened;
  }

  get handle(): SessionHandle {
    return this.session.handle;
  }

  /** Texts of the inputs of all grants, in order. */
  get labels(): string[] {
    return this.granted.map((grant) => grant.label);
  }

  /** Grants since the last call. */
  take(): Grant[] {
    const taken = this.granted.slice(this.#taken);
    this.#taken = this.granted.length;
    return taken;
  }

  /** The last grant of the task with this input. */
  grantOf(label: string): Grant {
    const grant = this.granted.findLast((one) => one.label === label);
    if (grant === undefined) throw new Error(`${label} was not granted`);
    return grant;
  }

  /** Reports that the tasks with these inputs are computed. */
  compute(...labels: readonly string[]): void {
    this.handle.outcomes(labels.map((label) => computed(this.grantOf(label))));
  }

  /** Reports that a task is computed with these subtasks. */
  split(label: string, subtasks: TaskSet): void {
    this.handle.outcomes([computed(this.grantOf(label), subtasks)]);
  }

  fail(label: string, nonRetryable = false): void {
    this.handle.outcomes([failed(this.grantOf(label), nonRetryable)]);
  }

  release(label: string): void {
    this.handle.outcomes([released(this.grantOf(label))]);
  }

  report(label: string, progress: readonly Progress[], display = ""): void {
    this.handle.progress([{ ...leaseOf(this.grantOf(label)), progress, display }]);
  }

  grants(grants: readonly GrantedTask[]): void {
    const frame = grants.map((grant) => ({ ...grant, label: Buffer.from(grant.input).toString() }));
    this.grantFrames.push(frame);
    this.granted.push(...frame);
  }

  acks(acks: readonly LeaseAck[]): void {
    this.acked.push(...acks);
  }

  revocations(revocations: readonly (LeaseRef & { readonly reason: RevocationReason })[]): void {
    this.revoked.push(...revocations);
  }

  idle(): void {
    this.idles++;
  }

  ping(): void {
    this.pings++;
  }

  goAway(reason: string): void {
    this.goneAway.push(reason);
  }

  close(rejection: Rejection): void {
    this.closed = rejection;
  }

  isWritable(): boolean {
    return this.isReading;
  }
}

export function leaseOf({ taskId, leaseToken }: LeaseRef): LeaseRef {
  return { taskId, leaseToken };
}

export function computed(lease: LeaseRef, subtasks: TaskSet | null = null, parts = 0): Outcome {
  return { ...leaseOf(lease), result: { kind: "computed", subtasks, parts }, progress: [], display: "" };
}

export function failed(lease: LeaseRef, nonRetryable = false): Outcome {
  const error = { reason: "Broken", message: "it broke", details: "" };
  return { ...leaseOf(lease), result: { kind: "failed", error, nonRetryable }, progress: [], display: "" };
}

export function released(lease: LeaseRef): Outcome {
  return { ...leaseOf(lease), result: { kind: "released" }, progress: [], display: "" };
}

export function part(lease: LeaseRef, number: number, subtasks: TaskSet): SubtaskPart {
  return { ...leaseOf(lease), number, subtasks };
}
