import { Server, ServerCredentials, type ServerDuplexStream, type status } from "@grpc/grpc-js";
import {
  AckResult,
  type Lease,
  type Outcome,
  type RevocationReason,
  type SubtaskPart,
} from "../gen/taskgrove/v1/lease.ts";
import {
  type Hello,
  RunnerServiceService,
  type SessionRequest,
  type SessionResponse,
  type Welcome,
} from "../gen/taskgrove/v1/runner.ts";
import { FrameQueue } from "./frame-queue.ts";

type Call = ServerDuplexStream<SessionRequest, SessionResponse>;

/** What a test grants. */
export interface ScriptedGrant {
  readonly name: string;
  /** Default: v0.0. */
  readonly version?: string;
  /** Sent as JSON. */
  readonly input?: unknown;
  readonly attemptTimeoutMs?: number;
}

const maxHeldBytes = 64 * 1024 * 1024;

/** An orchestrator that does exactly what a test says, over a real socket: to lose, delay and refuse what a real one would not on demand. */
export class ScriptedServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #streams = new FrameQueue<ScriptedStream>();
  readonly #all: ScriptedStream[] = [];
  #address = "";

  private constructor() {
    this.#server = new Server({ "grpc.max_receive_message_length": maxHeldBytes });
    this.#server.addService(RunnerServiceService, {
      session: (call: Call) => {
        const stream: ScriptedStream = new ScriptedStream(call, () => this.#streams.push(stream));
        this.#all.push(stream);
      },
      listRunners: () => {},
    });
  }

  /** `port`: of one that has stopped, whose place it takes. */
  static async start(port = 0): Promise<ScriptedServer> {
    const scripted = new ScriptedServer();
    const bound = await new Promise<number>((resolve, reject) => {
      const credentials = ServerCredentials.createInsecure();
      scripted.#server.bindAsync(`127.0.0.1:${port}`, credentials, (error, found) =>
        error ? reject(error) : resolve(found),
      );
    });
    scripted.#address = `127.0.0.1:${bound}`;
    return scripted;
  }

  get address(): string {
    return this.#address;
  }

  /** The next stream, once its hello has come. */
  nextStream(): Promise<ScriptedStream> {
    return this.#streams.next();
  }

  /** The script is over: from now on everything is accepted, so that a runner can stop. */
  async settleEverything(): Promise<void> {
    for (const stream of this.#all) stream.settleEverything();
    for (;;) (await this.nextStream()).settleEverything();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}

let nextTask = 1;

/** One runner's stream. */
export class ScriptedStream {
  readonly #call: Call;
  readonly #outcomes = new FrameQueue<Outcome>();
  readonly #parts = new FrameQueue<SubtaskPart>();
  readonly #others = new FrameQueue<NonNullable<SessionRequest["frame"]>>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #open = new Map<string, Outcome>();
  #isScriptOver = false;
  #isWelcomed = false;
  #hello: Hello | undefined;
  /** Heartbeats so far. */
  heartbeats = 0;

  constructor(call: Call, onHello: () => void) {
    this.#call = call;
    call.on("data", ({ frame }: SessionRequest) => {
      if (frame?.$case === "hello") {
        this.#hello = frame.value;
        onHello();
      } else if (frame) {
        this.#take(frame);
      }
    });
    call.on("end", () => {
      this.#ended.resolve();
      call.end();
    });
    call.on("error", () => {});
  }

  #take(frame: NonNullable<SessionRequest["frame"]>): void {
    if (frame.$case === "outcomes") for (const outcome of frame.value.outcomes) this.#takeOutcome(outcome);
    else if (frame.$case === "subtaskParts") for (const part of frame.value.parts) this.#parts.push(part);
    else if (frame.$case === "heartbeat") this.heartbeats++;
    else this.#others.push(frame);
  }

  #takeOutcome(outcome: Outcome): void {
    this.#open.set(outcome.leaseToken, outcome);
    if (this.#isScriptOver) this.accept(outcome);
    else this.#outcomes.push(outcome);
  }

  /** From now on everything is accepted. */
  settleEverything(): void {
    this.#isScriptOver = true;
    if (!this.#isWelcomed) this.welcome({ lostLeases: this.#hello?.leases ?? [] });
    for (const outcome of [...this.#open.values()]) this.accept(outcome);
  }

  get hello(): Hello {
    if (!this.#hello) throw new Error("no hello yet");
    return this.#hello;
  }

  /** Resolves when the runner half-closes. */
  get halfClosed(): Promise<void> {
    return this.#ended.promise;
  }

  welcome(overrides: Partial<Welcome> = {}): void {
    this.#isWelcomed = true;
    const value: Welcome = {
      sessionId: "session-1",
      resumed: this.#hello?.sessionId !== "",
      heartbeatInterval: { seconds: 5, nanos: 0 },
      leaseDuration: { seconds: 15, nanos: 0 },
      pingInterval: { seconds: 5, nanos: 0 },
      lostLeases: [],
      limits: { maxMessageBytes: 1024 * 1024, maxSubtasksPerFrame: 10_000, maxInputBytes: 65_536 },
      ...overrides,
    };
    this.send({ $case: "welcome", value });
  }

  /** Grants tasks, all of one job, and gives their leases. */
  grant(...tasks: ScriptedGrant[]): Lease[] {
    const leases = tasks.map(() => {
      const number = nextTask++;
      return { taskId: `task-${number}`, leaseToken: `secret-${number}` };
    });
    const grants = tasks.map(({ input, attemptTimeoutMs }, index) => ({
      ...(leases[index] as Lease),
      job: 0,
      identifier: index,
      input: Buffer.from(input === undefined ? "" : JSON.stringify(input)),
      display: "",
      attempt: 1,
      failures: 0,
      attemptTimeout: attemptTimeoutMs === undefined ? undefined : { seconds: 0, nanos: attemptTimeoutMs * 1e6 },
      parentId: "",
      cluster: "default",
    }));
    const identifiers = tasks.map(({ name, version = "v0.0" }) => ({ name, version }));
    const jobs = [{ id: "job-1", name: "a job", traceParent: "" }];
    this.send({ $case: "grants", value: { jobs, identifiers, grants } });
    return leases;
  }

  /** Grants one task. */
  grantOne(task: ScriptedGrant): Lease {
    return this.grant(task)[0] as Lease;
  }

  /** The next outcome. */
  nextOutcome(): Promise<Outcome> {
    return this.#outcomes.next();
  }

  /** The next part. */
  nextPart(): Promise<SubtaskPart> {
    return this.#parts.next();
  }

  /** Parts that came and were not taken by the test. */
  get waitingParts(): number {
    return this.#parts.size;
  }

  /** The next frame that is neither outcomes nor parts nor a heartbeat. */
  nextFrame(): Promise<NonNullable<SessionRequest["frame"]>> {
    return this.#others.next();
  }

  accept({ taskId, leaseToken }: Lease, part?: number): void {
    this.#ack({ taskId, leaseToken }, AckResult.ACK_RESULT_ACCEPTED, part);
  }

  refuse({ taskId, leaseToken }: Lease, reason: string, message: string, part?: number): void {
    this.#ack({ taskId, leaseToken }, AckResult.ACK_RESULT_REFUSED, part, reason, message);
  }

  stale({ taskId, leaseToken }: Lease): void {
    this.#ack({ taskId, leaseToken }, AckResult.ACK_RESULT_STALE_LEASE, undefined);
  }

  revoke({ taskId, leaseToken }: Lease, reason: RevocationReason): void {
    this.send({ $case: "revocations", value: { revocations: [{ taskId, leaseToken, reason }] } });
  }

  send(frame: NonNullable<SessionResponse["frame"]>): void {
    this.#call.write({ frame });
  }

  /** Ends the stream with a status. */
  fail(code: status, details: string): void {
    this.#call.emit("error", { code, details });
  }

  /** Ends the stream as it should be ended. */
  end(): void {
    this.#call.end();
  }

  #ack(lease: Lease, result: AckResult, part: number | undefined, reason = "", message = ""): void {
    if (part === undefined) this.#open.delete(lease.leaseToken);
    this.send({ $case: "acks", value: { acks: [{ ...lease, result, reason, message, part }] } });
  }
}
