import type { Encoded } from "./outcome.ts";

/** One lease that the runner holds. */
export interface HeldLease {
  readonly taskId: string;
  readonly leaseToken: string;
  /** Parts that were not acknowledged yet, by number. */
  readonly parts: Map<number, Encoded>;
  /** The outcome, once there is one; until it is acknowledged the lease is held. */
  outcome: Encoded | undefined;
  /** How often an outcome was refused. */
  refusals: number;
}

/**
 * The leases that a runner holds, by token, and the attempts that still run although their lease is gone. Both take a place: what
 * the runner offers to take is its concurrency less the two.
 */
export class LeaseTable {
  readonly #held = new Map<string, HeldLease>();
  /** Token to task and the connection on which the lease was revoked; 0 when it was lost in between. */
  readonly #lost = new Map<string, { readonly taskId: string; readonly connection: number }>();

  /** Leases held, including those whose outcome was not acknowledged. */
  get size(): number {
    return this.#held.size;
  }

  /** Places that are taken. */
  get taken(): number {
    return this.#held.size + this.#lost.size;
  }

  held(): Iterable<HeldLease> {
    return this.#held.values();
  }

  get(leaseToken: string): HeldLease | undefined {
    return this.#held.get(leaseToken);
  }

  grant(taskId: string, leaseToken: string): void {
    this.#held.set(leaseToken, { taskId, leaseToken, parts: new Map(), outcome: undefined, refusals: 0 });
  }

  /** The outcome was acknowledged. */
  settle(leaseToken: string): void {
    this.#held.delete(leaseToken);
  }

  /**
   * The lease is gone. Gives what the place is worth now: `running` when an attempt must be stopped first, `free` when it had ended, undefined when the
   * lease was not held. `connection`: on which it was revoked.
   */
  lose(leaseToken: string, connection: number): "running" | "free" | undefined {
    const lease = this.#held.get(leaseToken);
    if (!lease) return undefined;
    this.#held.delete(leaseToken);
    if (lease.outcome) return "free";
    this.#lost.set(leaseToken, { taskId: lease.taskId, connection });
    return "running";
  }

  /** An attempt ended whose lease was lost. Gives what {@link lose} was told; undefined when there is no such attempt. */
  endLost(leaseToken: string): { readonly taskId: string; readonly connection: number } | undefined {
    const lost = this.#lost.get(leaseToken);
    this.#lost.delete(leaseToken);
    return lost;
  }
}
