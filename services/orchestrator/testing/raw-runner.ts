import { Client, type ClientDuplexStream, credentials, type StatusObject } from "@grpc/grpc-js";
import { type Grant, Outcome } from "../gen/taskgrove/v1/lease.ts";
import { Hello, RunnerServiceService, SessionRequest, SessionResponse } from "../gen/taskgrove/v1/runner.ts";
import { build, type Some } from "./build.ts";

type UpFrame = NonNullable<SessionRequest["frame"]>;
type DownFrame = NonNullable<SessionResponse["frame"]>;
type DownKind = DownFrame["$case"];
type DownValue<Kind extends DownKind> = Extract<DownFrame, { $case: Kind }>["value"];

interface Waiter {
  resolve(frame: DownFrame): void;
  reject(error: Error): void;
}

/** The lease that a grant gives. */
export interface RawLease {
  readonly taskId: string;
  readonly leaseToken: string;
}

/**
 * A runner that does nothing by itself: tests send single frames (also such as no client would send) and wait for single frames.
 */
export class RawRunner implements AsyncDisposable {
  /** How the stream ended. */
  readonly ended: Promise<StatusObject>;
  readonly #client: Client;
  readonly #call: ClientDuplexStream<SessionRequest | Buffer, SessionResponse>;
  readonly #frames = new Map<DownKind, DownFrame[]>();
  readonly #waiters = new Map<DownKind, Waiter[]>();
  #status: StatusObject | null = null;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
      // Otherwise runners of one process share a connection, and one that does not read holds up its neighbours.
      "grpc.use_local_subchannel_pool": 1,
    });
    this.#call = this.#client.makeBidiStreamRequest(
      RunnerServiceService.session.path,
      (frame: SessionRequest | Buffer) =>
        Buffer.isBuffer(frame) ? frame : Buffer.from(SessionRequest.encode(frame).finish()),
      (bytes) => SessionResponse.decode(bytes),
    );
    this.ended = new Promise((resolve) => this.#call.on("status", resolve));
    this.#call.on("data", (response: SessionResponse) => this.#onFrame(response));
    // A status other than OK is an error too; `ended` tells both.
    this.#call.on("error", () => {});
    void this.ended.then((status) => this.#onEnded(status));
  }

  /** Opens a session and waits for the welcome. */
  static async open(
    address: string,
    hello: Some<Hello> = {},
  ): Promise<{ readonly runner: RawRunner; readonly welcome: DownValue<"welcome"> }> {
    const runner = new RawRunner(address);
    runner.hello(hello);
    return { runner, welcome: await runner.next("welcome") };
  }

  /** Sends a frame, or bytes that are to be taken for one. */
  send(frame: UpFrame | Buffer): void {
    this.#call.write(Buffer.isBuffer(frame) ? frame : { frame });
  }

  /** Sends a hello of a runner for task `Task` v1.0 without credits, but for what is given. */
  hello(changes: Some<Hello> = {}): void {
    const value = build(Hello, {
      runnerName: "raw runner",
      identifiers: [{ name: "Task", version: "v1.0" }],
      ...changes,
    });
    this.send({ $case: "hello", value });
  }

  addCredits(credits: number): void {
    this.send({ $case: "addCredits", value: { credits } });
  }

  heartbeat(): void {
    this.send({ $case: "heartbeat", value: {} });
  }

  drain(): void {
    this.send({ $case: "drain", value: {} });
  }

  /** Reports outcomes; without a result, that the tasks are computed. */
  outcomes(...outcomes: readonly Some<Outcome>[]): void {
    const value = {
      outcomes: outcomes.map((outcome) => build(Outcome, { result: { $case: "computed", value: {} }, ...outcome })),
    };
    this.send({ $case: "outcomes", value });
  }

  /** The next frame of a kind that was not asked for yet. Rejects when the stream ends before. */
  async next<Kind extends DownKind>(kind: Kind): Promise<DownValue<Kind>> {
    const frame = this.#frames.get(kind)?.shift() ?? (await this.#wait(kind));
    return frame.value as DownValue<Kind>;
  }

  /** The next `count` grants, from as many frames as it takes. */
  async grants(count: number): Promise<Grant[]> {
    const grants: Grant[] = [];
    while (grants.length < count) grants.push(...(await this.next("grants")).grants);
    return grants;
  }

  /** Frames of a kind that have come and were not asked for. */
  unread(kind: DownKind): number {
    return this.#frames.get(kind)?.length ?? 0;
  }

  /** Stops reading. */
  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  /** Ends the stream on purpose. */
  async end(): Promise<StatusObject> {
    this.#call.end();
    return this.ended;
  }

  /** Breaks the stream. */
  async break(): Promise<void> {
    this.#call.cancel();
    await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#call.cancel();
    this.#call.resume();
    await this.ended;
    this.#client.close();
  }

  #wait(kind: DownKind): Promise<DownFrame> {
    return new Promise((resolve, reject) => {
      if (this.#status === null) append(this.#waiters, kind, { resolve, reject });
      else reject(endedInstead(kind, this.#status));
    });
  }

  #onFrame({ frame }: SessionResponse): void {
    if (frame === undefined) throw new Error("the orchestrator sent an empty frame");
    const waiter = this.#waiters.get(frame.$case)?.shift();
    if (waiter === undefined) append(this.#frames, frame.$case, frame);
    else waiter.resolve(frame);
  }

  #onEnded(status: StatusObject): void {
    this.#status = status;
    for (const [kind, waiters] of this.#waiters) {
      for (const waiter of waiters) waiter.reject(endedInstead(kind, status));
    }
  }
}

/** The lease of a grant. */
export function leaseOf({ taskId, leaseToken }: RawLease): RawLease {
  return { taskId, leaseToken };
}

function endedInstead(kind: string, { code, details }: StatusObject): Error {
  return new Error(`the stream ended with status ${code} (${details}) instead of a frame ${kind}`);
}

function append<Key, Item>(lists: Map<Key, Item[]>, key: Key, item: Item): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
