/** Chance that is the same for the same seed. */
export interface Random {
  /** From 0 (inclusive) to 1 (exclusive). */
  next(): number;
  /** A whole number from `least` to `most`, both inclusive. */
  between(least: number, most: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of them. @throws RangeError when there is none. */
  pick<T>(items: readonly T[]): T;
}

/**
 * A source of chance for one purpose. Sources with another seed or another purpose have nothing to do with each other, so that what one of
 * them is asked for never moves what another one gives.
 */
export function seededRandom(seed: number, purpose: string): Random {
  let state = mix(seed, purpose);
  // mulberry32: small, and good from the first number on, whatever the seed.
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), bits | 61)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    pick(items) {
      if (items.length === 0) throw new RangeError("there is nothing to pick from");
      return items[between(0, items.length - 1)] as (typeof items)[number];
    },
  };
}

/** FNV-1a over seed and purpose. */
function mix(seed: number, purpose: string): number {
  let hash = 0x811c9dc5;
  for (const character of `${seed}/${purpose}`) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return hash;
}
