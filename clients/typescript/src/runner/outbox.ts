import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { SubmissionLimits } from "../submission/split.ts";
import type { Encoded } from "./outcome.ts";

const maxMessagesPerFrame = 500;
/** Beyond this a frame is sent, whatever still waits: larger ones only add latency. */
const softFrameBytes = 256 * 1024;
const bytesAroundMessage = 8;

/** Field of SessionRequest; the list in the frame has field 1 in each of them. */
const frameFields = { outcomes: 2, parts: 3, progress: 4 } as const;
const lengthDelimited = 2;

/** What waits to be written to the current connection, put into frames of whatever collected while the connection was busy. */
export class Outbox {
  #parts: Encoded[] = [];
  #outcomes: Encoded[] = [];
  readonly #progress = new Map<string, Encoded>();

  addPart(part: Encoded): void {
    this.#parts.push(part);
  }

  addOutcome(outcome: Encoded): void {
    this.#outcomes.push(outcome);
  }

  /** Takes the place of an earlier report that still waits. */
  addProgress(leaseToken: string, report: Encoded): void {
    this.#progress.set(leaseToken, report);
  }

  /** Forgets parts and outcomes, which the leases still know; progress that was not reported yet stays. */
  clear(): void {
    this.#parts = [];
    this.#outcomes = [];
  }

  /** The next frame, encoded; undefined when nothing waits. Parts come before the outcome that counts them. */
  nextFrame(limits: SubmissionLimits): Uint8Array | undefined {
    if (this.#parts.length > 0) return encodeFrame("parts", takeBatch(this.#parts, limits));
    if (this.#progress.size > 0) return encodeFrame("progress", this.#takeProgress(limits));
    if (this.#outcomes.length > 0) return encodeFrame("outcomes", takeBatch(this.#outcomes, limits));
    return undefined;
  }

  #takeProgress(limits: SubmissionLimits): Encoded[] {
    const waiting = [...this.#progress.entries()];
    const batch = takeBatch(
      waiting.map(([, report]) => report),
      limits,
    );
    for (const [leaseToken] of waiting.slice(0, batch.length)) this.#progress.delete(leaseToken);
    return batch;
  }
}

/** Takes from the front as many messages as fit in one frame, at least one. */
function takeBatch(messages: Encoded[], limits: SubmissionLimits): Encoded[] {
  const maxBytes = Math.min(softFrameBytes, limits.maxMessageBytes);
  let bytes = 0;
  let subtasks = 0;
  let count = 0;
  for (const message of messages) {
    bytes += message.bytes.length + bytesAroundMessage;
    subtasks += message.subtasks;
    const isFull = count === maxMessagesPerFrame || bytes > maxBytes || subtasks > limits.maxSubtasks;
    if (count > 0 && isFull) break;
    count++;
  }
  return messages.splice(0, count);
}

/** A SessionRequest around messages that are encoded already. */
function encodeFrame(kind: keyof typeof frameFields, messages: readonly Encoded[]): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(frameFields[kind], lengthDelimited).fork();
  for (const message of messages) writer.tag(1, lengthDelimited).bytes(message.bytes);
  return writer.join().finish();
}
