import { StoreUnavailable } from "../store/store.ts";
import type { Clock } from "./clock.ts";
import { type Command, weightOf } from "./commands.ts";

/** A command between the moment at which it was handed in and its answer. */
export interface Pending {
  readonly command: Command;
  readonly since: number;
  /** Its caller was told that the store does not answer: it must not run again. */
  isGivenUp: boolean;
}

/**
 * What waits for the next batch, and what is in the one under way. Nobody who waits for an answer waits longer than the patience, whatever the store
 * does: one timer for all, which in quiet times finds nothing to do.
 */
export class Inbox {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  #waiting: Pending[] = [];
  #underWay: readonly Pending[] = [];
  #timer: (() => void) | null = null;

  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  add(command: Command): void {
    this.#waiting.push({ command, since: this.#clock.now(), isGivenUp: false });
    if (this.#timer === null && "reply" in command) this.#watch(this.#patienceMs);
  }

  /** The commands of the next batch, in order, up to this weight. */
  take(maxWeight: number): readonly Pending[] {
    let weight = 0;
    let count = 0;
    while (count < this.#waiting.length && weight < maxWeight) {
      const pending = this.#waiting[count];
      if (pending !== undefined) weight += weightOf(pending.command);
      count++;
    }
    this.#underWay = this.#waiting.splice(0, count);
    return this.#underWay;
  }

  /** What was taken is done. */
  done(): void {
    this.#underWay = [];
  }

  /** The store is away: callers are told, what sessions have reported goes back to the front. */
  giveBack(pending: readonly Pending[], error: StoreUnavailable): void {
    const kept: Pending[] = [];
    for (const one of pending) {
      if (!("reply" in one.command)) kept.push(one);
      else if (!one.isGivenUp) one.command.reply.reject(error);
    }
    this.putBack(kept);
  }

  /** What was taken is for the next batch, which takes it first. */
  putBack(pending: readonly Pending[]): void {
    this.#underWay = [];
    this.#waiting = [...pending.filter((one) => !one.isGivenUp), ...this.#waiting];
  }

  /** Ends it: callers that still wait are told so. */
  close(error: StoreUnavailable): void {
    this.#timer?.();
    this.#timer = null;
    for (const { command } of this.#waiting) if ("reply" in command) command.reply.reject(error);
    this.#waiting = [];
  }

  #watch(afterMs: number): void {
    this.#timer = this.#clock.after(afterMs, () => {
      this.#timer = null;
      this.#loseOldest();
    });
  }

  /** Tells those who have waited for too long, and looks again when the next one will have. */
  #loseOldest(): void {
    const now = this.#clock.now();
    let oldest = Number.POSITIVE_INFINITY;
    for (const one of [...this.#underWay, ...this.#waiting]) {
      if (one.isGivenUp || !("reply" in one.command)) continue;
      if (one.since + this.#patienceMs > now) oldest = Math.min(oldest, one.since);
      else {
        one.isGivenUp = true;
        one.command.reply.reject(new StoreUnavailable(`the store did not answer for ${this.#patienceMs} ms`));
      }
    }
    this.#waiting = this.#waiting.filter((one) => !one.isGivenUp);
    if (Number.isFinite(oldest)) this.#watch(oldest + this.#patienceMs - now);
  }
}
