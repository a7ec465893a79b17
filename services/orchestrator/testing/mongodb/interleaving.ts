import { seededRandom } from "../seeded-random.ts";

/** Chance of one run, the same for the same seed. */
export interface Chance {
  readonly seed: number;
  /** A whole number from `least` to `most`, both inclusive. */
  between(least: number, most: number): number;
  /** True with this probability, from 0 to 1. */
  is(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
}

export function chanceOf(seed: number): Chance {
  // Small seeds begin alike: the first numbers are thrown away.
  const next = seededRandom(Math.imul(seed + 1, 0x9e3779b1));
  for (let skipped = 0; skipped < 8; skipped++) next();
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return {
    seed,
    between,
    is: (probability) => next() < probability,
    pick(items) {
      const item = items[between(0, items.length - 1)];
      if (item === undefined) throw new RangeError("there is nothing to pick from");
      return item;
    },
  };
}

/** Where an actor lets others go first. Resolves when it is its turn again. */
export type Gate = () => Promise<void>;

/**
 * Runs actors so that only one of them moves at a time, from one gate to the next, and chance decides which: what a test knows at a gate is what is so in
 * the database, and the same seed gives the same order of everything that happens there. An actor that waits for its store to try again counts as
 * moving. The first actor that fails ends it for all.
 */
export async function interleave(chance: Chance, actors: readonly ((gate: Gate) => Promise<void>)[]): Promise<void> {
  const waiting: PromiseWithResolvers<void>[] = [];
  let moving = actors.length;
  let failed = false;

  const stopped = () => {
    moving--;
    if (moving > 0 || waiting.length === 0) return;
    const [next] = waiting.splice(chance.between(0, waiting.length - 1), 1);
    moving++;
    next?.resolve();
  };
  const gate = async () => {
    if (failed) throw new Error("another actor has failed");
    const turn = Promise.withResolvers<void>();
    waiting.push(turn);
    stopped();
    await turn.promise;
  };

  const ended = actors.map(async (actor) => {
    try {
      await gate();
      await actor(gate);
    } catch (error) {
      failed = true;
      for (const turn of waiting.splice(0)) {
        moving++;
        turn.reject(new Error("another actor has failed", { cause: error }));
      }
      throw error;
    } finally {
      stopped();
    }
  });
  const failures = (await Promise.allSettled(ended)).flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
  const [first] = failures.filter((failure: Error) => failure.message !== "another actor has failed");
  if (failures.length > 0) throw new Error(`with seed ${chance.seed}`, { cause: first ?? failures[0] });
}

/** Runs of each test with chance; `PROPERTY_RUNS` in the environment gives another number, for a longer search. */
export function seeds(usual: number): number[] {
  return Array.from({ length: Number(process.env.PROPERTY_RUNS ?? usual) }, (_, index) => index);
}

/** How long a test may take that goes through so many seeds, in milliseconds. */
export function timeoutOf(runs: readonly number[]): number {
  return 30_000 + runs.length * 20_000;
}
