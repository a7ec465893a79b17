import type { TlsOptions } from "../client/options.ts";
import type { LogFields, LogLevel } from "../logger.ts";
import type { Address } from "../rpc/addresses.ts";
import type { SubmissionLimits } from "../submission/split.ts";

/** What the session thread is started with. */
export interface SessionConfig {
  readonly addresses: readonly string[];
  readonly tls: TlsOptions;
  readonly runnerName: string;
  readonly cluster: string;
  readonly identifiers: readonly { readonly name: string; readonly version: string }[];
  /** How many leases the runner holds at most. */
  readonly concurrency: number;
  readonly notifyIdle: boolean;
}

/** Encoded messages of one batch, end to end in one buffer: handing over one buffer is far cheaper than cloning many small ones. */
export interface PackedMessages {
  /** Whose they are. */
  readonly leaseTokens: readonly string[];
  /** Where each ends in `bytes`. */
  readonly ends: readonly number[];
  /** How many subtasks each carries. */
  readonly subtasks: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** From the main thread to the session thread: what collected in one turn of the event loop. */
export interface ToSession {
  readonly outcomes?: PackedMessages | undefined;
  /** Parts; `numbers` holds the part numbers. */
  readonly parts?: (PackedMessages & { readonly numbers: readonly number[] }) | undefined;
  readonly progress?: PackedMessages | undefined;
  /** Attempts that ended after their lease was lost. */
  readonly abandoned?: readonly string[] | undefined;
  /** `drain`: take no more grants. `finish`: also close once everything is acknowledged. */
  readonly shutdown?: "drain" | "finish" | undefined;
}

/** Why something was refused. */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** An answer that the main thread must act upon: to a part, or a refused outcome. */
export interface ForwardedAck {
  readonly taskId: string;
  readonly leaseToken: string;
  /** Missing: it answers an outcome. */
  readonly part: number | undefined;
  /** Missing: accepted. */
  readonly refusal: Refusal | undefined;
  /** How often outcomes of this attempt were refused. */
  readonly refusals: number;
}

/** Why an attempt should stop, as the session thread knows it. */
export interface LeaseStop {
  readonly leaseToken: string;
  readonly reason: "JOB_CANCELED" | "LEASE_LOST" | "ATTEMPT_TIMEOUT";
  /** Whether the lease is gone, so that nothing the attempt reports counts. */
  readonly isLost: boolean;
}

/** From the session thread to the main thread: what collected in one turn of the event loop, grants first. */
export interface FromSession {
  /** A session was opened or resumed here. */
  readonly connected?: { readonly address: Address; readonly limits: SubmissionLimits } | undefined;
  /** Grants, each an encoded SessionResponse. */
  readonly grants?: readonly Uint8Array[] | undefined;
  readonly acks?: readonly ForwardedAck[] | undefined;
  readonly stops?: readonly LeaseStop[] | undefined;
  /** Nothing is left to do. */
  readonly idle?: boolean;
  readonly logs?:
    | readonly { readonly level: LogLevel; readonly message: string; readonly fields: LogFields }[]
    | undefined;
  /** The session is over; nothing follows. With an error: the orchestrator refused the runner. */
  readonly closed?:
    | { readonly error?: { readonly code: string; readonly reason: string; readonly message: string } }
    | undefined;
}
