import type { PackedMessages } from "./messages.ts";

/** Collects encoded messages of one batch. */
export class MessagePacker {
  #leaseTokens: string[] = [];
  #ends: number[] = [];
  #subtasks: number[] = [];
  #chunks: Uint8Array[] = [];
  #length = 0;

  /** How many messages there are. */
  get size(): number {
    return this.#leaseTokens.length;
  }

  add(leaseToken: string, bytes: Uint8Array, subtasks: number): void {
    this.#length += bytes.length;
    this.#leaseTokens.push(leaseToken);
    this.#ends.push(this.#length);
    this.#subtasks.push(subtasks);
    this.#chunks.push(bytes);
  }

  /** Gives what was collected and starts anew. The buffer is its own, so that it can be transferred to another thread. */
  take(): PackedMessages {
    const bytes = new Uint8Array(this.#length);
    let offset = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    const packed = { leaseTokens: this.#leaseTokens, ends: this.#ends, subtasks: this.#subtasks, bytes };
    this.#leaseTokens = [];
    this.#ends = [];
    this.#subtasks = [];
    this.#chunks = [];
    this.#length = 0;
    return packed;
  }
}

/** One message of a batch. */
export interface UnpackedMessage {
  readonly leaseToken: string;
  readonly bytes: Uint8Array;
  readonly subtasks: number;
}

/** The messages of a batch, in order. */
export function unpackMessages(packed: PackedMessages): UnpackedMessage[] {
  return packed.leaseTokens.map((leaseToken, index) => ({
    leaseToken,
    bytes: packed.bytes.subarray(packed.ends[index - 1] ?? 0, packed.ends[index]),
    subtasks: packed.subtasks[index] ?? 0,
  }));
}
