/** Size of the chunks that cache values are stored and sent in. */
export const CHUNK_BYTES = 256 * 1024;

/** Cuts a stream of bytes of any sizes into chunks of one size, so that a sender of tiny or huge pieces costs the store the same. */
export class ChunkBuffer {
  #pieces: Uint8Array[] = [];
  #length = 0;

  /** Takes the next bytes and gives the chunks that became full. */
  *add(bytes: Uint8Array): Generator<Uint8Array> {
    let rest = bytes;
    while (this.#length + rest.length >= CHUNK_BYTES) {
      const cut = CHUNK_BYTES - this.#length;
      this.#pieces.push(rest.subarray(0, cut));
      yield this.rest();
      rest = rest.subarray(cut);
    }
    if (rest.length > 0) {
      this.#pieces.push(rest);
      this.#length += rest.length;
    }
  }

  /** What is left, below one chunk; empty when nothing is. */
  rest(): Uint8Array {
    const only = this.#pieces.length === 1 ? this.#pieces[0] : undefined;
    const chunk = only ?? Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#length = 0;
    return chunk;
  }
}
