import type { TaskIdentifier } from "../domain/records.ts";
import type { SessionSink } from "./api.ts";

/** One runner's stream that is connected to this orchestrator. Everything in it can be rebuilt when the runner connects again. */
export class LiveSession {
  readonly sink: SessionSink;
  readonly runnerName: string;
  readonly cluster: string;
  readonly identifiers: readonly TaskIdentifier[];
  readonly notifyIdle: boolean;
  /** "" until the session is open. */
  id = "";
  epoch = 0;
  queueIds: readonly number[] = [];
  /** How many more leases the runner takes. */
  credits: number;
  /** Task ids and tokens of the leases that the runner was granted or listed and has not ended. */
  readonly held = new Map<string, string>();
  /** Leases that were superseded under the runner; their end still gives the credit back. */
  readonly owed = new Set<string>();
  /** Tokens of attempts for which parts may have been staged: an outcome under any other need not look. */
  readonly mayHaveParts = new Set<string>();
  /** Tokens of leases of which the runner knows that their job was canceled. */
  readonly toldCanceled = new Set<string>();
  /** Leases granted over this stream so far. */
  granted = 0;
  /** The runner wants no more grants. */
  draining = false;
  /** The stream ended or broke, or another one took over: nothing more is sent. */
  closed = false;
  idleSent = false;
  /** When the runner was last heard of. */
  lastSeen: number;
  /** Until when the store says that the leases last. */
  storedExpiry = 0;
  /** Outcomes and parts that wait for their answer. */
  pending = 0;

  constructor(
    sink: SessionSink,
    hello: {
      readonly runnerName: string;
      readonly cluster: string;
      readonly identifiers: readonly TaskIdentifier[];
      readonly notifyIdle: boolean;
      readonly credits: number;
    },
    now: number,
  ) {
    this.sink = sink;
    this.runnerName = hello.runnerName;
    this.cluster = hello.cluster;
    this.identifiers = hello.identifiers;
    this.notifyIdle = hello.notifyIdle;
    this.credits = hello.credits;
    this.lastSeen = now;
  }

  /** Whether it may be granted something now. */
  isHungry(): boolean {
    return !this.closed && !this.draining && this.credits > 0 && this.sink.isWritable();
  }

  /** A lease is the runner's. One of the same task that it had before was superseded unseen: its end still gives the credit back. */
  hold(taskId: string, leaseToken: string): void {
    const earlier = this.held.get(taskId);
    if (earlier !== undefined) this.owed.add(earlier);
    this.held.set(taskId, leaseToken);
  }

  /** The lease of this task has ended, or was superseded before: its credit comes back, once. */
  giveBack(taskId: string, leaseToken: string): void {
    this.mayHaveParts.delete(leaseToken);
    this.toldCanceled.delete(leaseToken);
    if (this.held.get(taskId) === leaseToken) this.held.delete(taskId);
    else if (!this.owed.delete(leaseToken)) return;
    this.credits++;
  }

  /** The lease is no longer this runner's; it has not ended it yet. */
  supersede(taskId: string, leaseToken: string): void {
    if (this.held.get(taskId) !== leaseToken) return;
    this.held.delete(taskId);
    this.owed.add(leaseToken);
  }
}
