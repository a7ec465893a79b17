import { randomBytes } from "node:crypto";

/** Where ids come from. Ids are ordered by time of creation: random ones scatter the writes of an index and halve its throughput. */
export interface Ids {
  /**
   * A new id for a job, a task, a session or a cache value: 26 characters, ULID layout. Above all that were made here before, and above `above`, which an
   * orchestrator may have made whose clock is ahead.
   */
  next(above?: string): string;
  /** A new lease token: 96 random bits. */
  leaseToken(): string;
}

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** Half of a ULID's random part: 40 bits, 8 characters. */
const HALF = 2 ** 40;
const TIME_DIGITS = 10;
const TOKEN_BYTES = 12;
const POOL_TOKENS = 1024;

/**
 * Ids in ULID layout (48 bits of milliseconds, 80 random bits), strictly increasing: within one millisecond the random part is counted up, and a
 * clock that goes back does not take the ids with it.
 */
export function createIds(now: () => number, random: (bytes: number) => Uint8Array = randomBytes): Ids {
  let time = 0;
  let prefix = "";
  let high = 0;
  let low = 0;
  const pool = Buffer.alloc(TOKEN_BYTES * POOL_TOKENS);
  let used = pool.length;

  function startMillisecond(at: number): void {
    time = at;
    const bytes = random(10);
    high = readFortyBits(bytes, 0);
    low = readFortyBits(bytes, 5);
    prefix = encode(time, TIME_DIGITS) + encode(high, 8);
  }

  return {
    next(above) {
      const at = now();
      if (at > time) startMillisecond(at);
      else if (++low === HALF) startMillisecond(time + 1);
      const id = prefix + encode(low, 8);
      if (above === undefined || id > above) return id;
      // Not simply the next one: whoever made it goes on from there.
      startMillisecond(timeOf(above) + 1);
      return prefix + encode(low, 8);
    },
    leaseToken() {
      if (used === pool.length) {
        pool.set(random(pool.length));
        used = 0;
      }
      used += TOKEN_BYTES;
      return pool.toString("base64url", used - TOKEN_BYTES, used);
    },
  };
}

function readFortyBits(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let index = at; index < at + 5; index++) value = value * 256 + (bytes[index] ?? 0);
  return value;
}

/** The milliseconds in an id. */
function timeOf(id: string): number {
  let time = 0;
  for (const digit of id.slice(0, TIME_DIGITS)) time = time * 32 + ALPHABET.indexOf(digit);
  return time;
}

function encode(value: number, length: number): string {
  let text = "";
  let rest = value;
  for (let index = 0; index < length; index++) {
    const digit = rest % 32;
    text = ALPHABET.charAt(digit) + text;
    rest = (rest - digit) / 32;
  }
  return text;
}
