import type { JobRecord } from "../domain/records.ts";
import type { Result } from "../domain/rejection.ts";
import type { LeaseRef, RetriedJob, SubmittedJob } from "./api.ts";
import type { BatchContext } from "./batch-context.ts";
import type { LiveSession } from "./live-session.ts";
import type { PreparedOutcome, PreparedPart, PreparedReport } from "./prepare.ts";
import type { SessionOpening } from "./sessions.ts";
import type { PreparedSubmission } from "./submit.ts";

/** Answers one caller. */
export interface Reply<T> {
  resolve(value: T): void;
  /** The store is away, or there is a bug. */
  reject(error: unknown): void;
}

/** What may wait for the next batch. Those of a session have no reply: they are answered over its stream, and survive an absence of the store. */
export type Command =
  | { readonly kind: "outcomes"; readonly session: LiveSession; readonly items: readonly PreparedOutcome[] }
  | { readonly kind: "parts"; readonly session: LiveSession; readonly items: readonly PreparedPart[] }
  | { readonly kind: "reports"; readonly session: LiveSession; readonly items: readonly PreparedReport[] }
  | { readonly kind: "end"; readonly session: LiveSession }
  | {
      readonly kind: "open";
      readonly session: LiveSession;
      readonly resume: { readonly sessionId: string | null; readonly leases: readonly LeaseRef[] };
      readonly reply: Reply<Result<SessionOpening>>;
    }
  | { readonly kind: "submit"; readonly prepared: PreparedSubmission; readonly reply: Reply<Result<SubmittedJob>> }
  | { readonly kind: "cancel"; readonly jobId: string; readonly reply: Reply<Result<JobRecord>> }
  | { readonly kind: "retry"; readonly jobId: string; readonly reply: Reply<Result<RetriedJob>> }
  | {
      /** A small step of its own: clusters and the job cache. Returns how to answer once it is committed. */
      readonly kind: "step";
      readonly run: (context: BatchContext) => Promise<() => void>;
      readonly reply: { reject(error: unknown): void };
    };

export type CommandOf<K extends Command["kind"]> = Extract<Command, { readonly kind: K }>;

/** How much of a batch a command takes up. */
export function weightOf(command: Command): number {
  return command.kind === "outcomes" || command.kind === "parts" ? command.items.length : 1;
}

/** A promise with its ends apart. */
export function deferred<T>(): { readonly promise: Promise<T>; readonly reply: Reply<T> } {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  return { promise, reply: { resolve, reject } };
}
