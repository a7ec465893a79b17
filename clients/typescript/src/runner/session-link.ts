import { Worker } from "node:worker_threads";
import type { FromSession, SessionConfig, ToSession } from "./messages.ts";
import type { Encoded } from "./outcome.ts";
import { MessagePacker } from "./packed-messages.ts";

/** In the workspace modules are TypeScript, in the published package JavaScript. */
const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
const threadUrl = new URL(`./session-thread${extension}`, import.meta.url);

/** What the session thread tells. */
export interface SessionLinkEvents {
  message(message: FromSession): void;
  /** The thread broke down; nothing follows. */
  broken(error: Error): void;
}

/** The main thread's end of the session thread. What is said in one turn of the event loop goes over in one message. */
export class SessionLink {
  readonly #thread: Worker;
  readonly #outcomes = new MessagePacker();
  readonly #parts = new MessagePacker();
  #partNumbers: number[] = [];
  readonly #progress = new MessagePacker();
  #abandoned: string[] = [];
  #shutdown: ToSession["shutdown"];
  #isPlanned = false;

  constructor(config: SessionConfig, events: SessionLinkEvents) {
    this.#thread = new Worker(threadUrl, { workerData: config, name: "taskgrove-session" });
    this.#thread.on("message", (message: FromSession) => events.message(message));
    this.#thread.on("error", (error: Error) => events.broken(error));
  }

  outcome(leaseToken: string, { bytes, subtasks }: Encoded): void {
    this.#outcomes.add(leaseToken, bytes, subtasks);
    this.#plan();
  }

  part(leaseToken: string, number: number, { bytes, subtasks }: Encoded): void {
    this.#parts.add(leaseToken, bytes, subtasks);
    this.#partNumbers.push(number);
    this.#plan();
  }

  progress(leaseToken: string, { bytes, subtasks }: Encoded): void {
    this.#progress.add(leaseToken, bytes, subtasks);
    this.#plan();
  }

  /** An attempt whose lease was lost has ended. */
  abandoned(leaseToken: string): void {
    this.#abandoned.push(leaseToken);
    this.#plan();
  }

  /** `drain`: take no more grants. `finish`: also close once everything is acknowledged. */
  shutDown(how: NonNullable<ToSession["shutdown"]>): void {
    this.#shutdown = how;
    this.#plan();
  }

  /** Ends the thread. What was not sent yet is lost. */
  async terminate(): Promise<void> {
    await this.#thread.terminate();
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isPlanned = false;
    const outcomes = this.#outcomes.size > 0 ? this.#outcomes.take() : undefined;
    const parts = this.#parts.size > 0 ? { ...this.#parts.take(), numbers: this.#partNumbers } : undefined;
    const progress = this.#progress.size > 0 ? this.#progress.take() : undefined;
    const message: ToSession = { outcomes, parts, progress, abandoned: this.#abandoned, shutdown: this.#shutdown };
    this.#partNumbers = [];
    this.#abandoned = [];
    this.#shutdown = undefined;
    const buffers = [outcomes, parts, progress].flatMap((packed) => (packed ? [packed.bytes.buffer] : []));
    this.#thread.postMessage(message, buffers);
  }
}
