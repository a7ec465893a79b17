import type { JobState, TaskState } from "../model.ts";
import type { TaskOptions } from "../submission/options.ts";
import type { RootTasks } from "../submission/root-tasks.ts";
import type { AnyTask } from "../task.ts";

/** TLS for a connection; `true` trusts the well-known authorities. PEM text or bytes. */
export type TlsOptions =
  | boolean
  | {
      readonly rootCertificates?: string | Uint8Array;
      readonly privateKey?: string | Uint8Array;
      readonly certificateChain?: string | Uint8Array;
    };

/** Where the orchestrators are. */
export interface ClientOptions {
  /**
   * `host:port`, or several with commas between them; a name stands for each of its IP addresses. Other targets that gRPC knows (`unix:`, `dns:`)
   * are left to it. Default: the environment's `TASKGROVE_ADDRESS`, else `127.0.0.1:4150`.
   */
  readonly address?: string;
  /** Several orchestrators; one is taken by chance, another one when it is lost. Wins over `address`. */
  readonly addresses?: readonly string[];
  /**
   * How long calls and streams wait for the end of an outage, in milliseconds. Default 60,000. With 0 everything is tried once at each address.
   */
  readonly maxOutageMs?: number;
  /** Default: no TLS. */
  readonly tls?: TlsOptions;
}

/** What to submit: one root task, several, or several with dependencies. */
export type Submittable = AnyTask | readonly AnyTask[] | RootTasks;

/** How to submit a job. Options of tasks are the defaults of its root tasks; `priority` is the job's. */
export interface SubmitOptions extends TaskOptions {
  /**
   * The same key and body returns the first job; another body is refused with `ALREADY_EXISTS`. Default: a new one, so that the client can send
   * a submission again whose answer was lost.
   */
  readonly idempotencyKey?: string;
  /** W3C traceparent that the runners continue. */
  readonly traceParent?: string;
}

/** One submission among many. */
export interface JobSubmission {
  readonly name: string;
  readonly tasks: Submittable;
  readonly options?: SubmitOptions;
}

/** What came of one accepted submission of a stream. */
export interface SubmittedJob {
  readonly jobId: string;
  /** True when an earlier submission with the same idempotency key made the job; after a lost connection that may be this one. */
  readonly alreadyExisted: boolean;
}

/** What came of one submission of `submitMany`; `index` is its position. */
export type SubmissionResult =
  | ({ readonly index: number; readonly ok: true } & SubmittedJob)
  | { readonly index: number; readonly ok: false; readonly error: Error };

/** Which jobs to list. Values of one filter are alternatives. */
export interface JobFilter {
  readonly states?: readonly JobState[];
  /** Whatever the case. */
  readonly nameContains?: string;
  /** At or after. */
  readonly submittedFrom?: Date;
  /** Before. */
  readonly submittedUntil?: Date;
  /** Jobs with a root task addressed to this cluster. */
  readonly cluster?: string;
  /** At most this many. Default: all. */
  readonly limit?: number;
}

/** Which tasks of a job to list. */
export interface TaskFilter {
  /** Only the children of this task; `null`: only root tasks. Default: the whole tree. */
  readonly parentId?: string | null;
  readonly states?: readonly TaskState[];
  /** Whether inputs are returned. */
  readonly includeInput?: boolean;
}

/** How to watch a job. */
export interface WatchOptions {
  /** From the last update that was handled. Default: from the job's submission. */
  readonly resumeToken?: string;
  /** When true, no task changes are sent, only those of the job. */
  readonly jobOnly?: boolean;
  /** Ends the watch with the signal's reason. */
  readonly signal?: AbortSignal;
}
