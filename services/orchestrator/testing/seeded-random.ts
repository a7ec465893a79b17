/** Random numbers that are the same for the same seed (xorshift, 32 bits), from 0 (inclusive) to 1 (exclusive). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** As `randomBytes`, but the same for the same seed. */
export function seededBytes(seed: number): (bytes: number) => Uint8Array {
  const random = seededRandom(seed);
  return (bytes) => Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256));
}
