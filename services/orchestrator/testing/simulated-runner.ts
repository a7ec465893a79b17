import type { TaskIdentifier } from "../domain/records.ts";
import { canRun } from "../domain/version.ts";
import type { LeaseAck, LeaseRef } from "../engine/api.ts";
import type { ModelSession, ModelTask } from "./model-tree.ts";
import { IDENTIFIERS } from "./random-actions.ts";
import type { Grant, TestRunner } from "./test-runner.ts";

/** A lease with the label of its task. */
export interface LabeledLease extends LeaseRef {
  readonly label: string;
}

export type Ack = "accepted" | "stale" | "refused";

/** One runner of a simulation: its streams, one after the other, and what it remembers by itself. */
export class SimulatedRunner {
  readonly name: string;
  readonly cluster: string;
  readonly identifiers: readonly TaskIdentifier[];
  stream: TestRunner;
  sessionId = "";
  isConnected = false;
  isSilent = false;
  /** What it would list when it comes back: all that was granted and not acknowledged. */
  readonly #leases = new Map<string, LabeledLease>();
  /** Leases whose end gives a credit back to the stream. */
  readonly #owed = new Set<string>();
  readonly #taken = new WeakSet<LeaseAck>();
  #frames = 0;

  constructor(name: string, cluster: string, identifiers: readonly TaskIdentifier[], stream: TestRunner) {
    this.name = name;
    this.cluster = cluster;
    this.identifiers = identifiers;
    this.stream = stream;
  }

  canRun(task: ModelTask): boolean {
    return task.cluster === this.cluster && this.identifiers.some((identifier) => canRun(identifier, task.identifier));
  }

  leases(): LabeledLease[] {
    return [...this.#leases.values()];
  }

  /** A stream was opened, with these leases. */
  connect(stream: TestRunner, sessionId: string, leases: readonly LabeledLease[]): void {
    this.stream = stream;
    this.sessionId = sessionId;
    this.isConnected = true;
    this.isSilent = false;
    this.#frames = 0;
    this.#owed.clear();
    this.#leases.clear();
    for (const lease of leases) {
      this.#leases.set(lease.leaseToken, lease);
      this.#owed.add(lease.leaseToken);
    }
  }

  /** The stream is gone; the runner keeps its leases. */
  loseStream(): void {
    this.isConnected = false;
  }

  holds(token: string): boolean {
    return this.#leases.has(token);
  }

  forgetLease(token: string): void {
    this.#leases.delete(token);
  }

  addLease(label: string, { taskId, leaseToken }: LeaseRef, session: ModelSession | undefined): void {
    this.#leases.set(leaseToken, { label, taskId, leaseToken });
    this.#owed.add(leaseToken);
    if (session !== undefined) session.credits--;
  }

  /** The end of the attempt was acknowledged on this stream. */
  dropLease(token: string, stream: TestRunner, session: ModelSession | undefined): void {
    this.#leases.delete(token);
    if (stream === this.stream && this.#owed.delete(token) && session !== undefined) session.credits++;
  }

  /** Frames with grants that came since the last call. */
  takeFrames(): Grant[][] {
    const frames = this.stream.grantFrames.slice(this.#frames);
    this.#frames = this.stream.grantFrames.length;
    return frames;
  }

  /** The first answer on a stream, to an outcome (or to a part), that was not taken yet; undefined when none came. */
  takeAnswer(stream: TestRunner, token: string, part?: number): Ack | undefined {
    const ack = stream.acked.find((one) => one.leaseToken === token && one.part === part && !this.#taken.has(one));
    if (ack === undefined) return undefined;
    this.#taken.add(ack);
    if (ack.rejection === null) return "accepted";
    return ack.rejection.reason === "STALE_LEASE" ? "stale" : "refused";
  }
}

/** The identifiers with these indices. */
export function parsedIdentifiers(indices: readonly number[]): TaskIdentifier[] {
  return indices.flatMap((index) => {
    const found = IDENTIFIERS[index];
    if (found === undefined) return [];
    const [major = 0, minor = 0] = found.version.slice(1).split(".").map(Number);
    return [{ name: found.name, major, minor }];
  });
}
