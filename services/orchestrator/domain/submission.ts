import type { RetryPolicy } from "./records.ts";

/** What a submitter sends: templates for what repeats, groups of tasks, edges between groups by index. */
export interface TaskSet {
  readonly templates: readonly TaskTemplate[];
  readonly groups: readonly GroupSpec[];
  /** Index of `groups[0]` within the whole submission; above 0 only in later parts. */
  readonly firstGroup: number;
}

export interface TaskTemplate {
  readonly name: string;
  /** `vMAJOR.MINOR`, not yet parsed. */
  readonly version: string;
  /** Empty: the parent's, or the default cluster. */
  readonly cluster: string;
  readonly retry: RetryPolicy;
  readonly optional: boolean;
  /** null: the parent's, or the job's. */
  readonly priority: number | null;
  readonly attemptTimeoutMs: number | null;
  readonly display: string;
}

export interface GroupSpec {
  readonly dependsOn: readonly number[];
  readonly tasks: readonly TaskSpec[];
}

export interface TaskSpec {
  /** Index into the templates. */
  readonly template: number;
  readonly input: Uint8Array;
  /** Empty: the template's. */
  readonly display: string;
}

/** A job to create. */
export interface JobSubmission {
  readonly name: string;
  readonly tasks: TaskSet;
  readonly idempotencyKey: string | null;
  /** Digest of everything else, when there is an idempotency key. */
  readonly bodyDigest: string | null;
  readonly priority: number;
  readonly traceParent: string;
}
