import type { Limits } from "../domain/limits.ts";
import type { Rejection } from "../domain/rejection.ts";
import type { Outcome, ProgressReport, SessionHandle, SubtaskPart } from "./api.ts";
import type { Committer } from "./committer.ts";
import type { LiveSession } from "./live-session.ts";
import { prepareOutcome, preparePart, prepareReport } from "./prepare.ts";

/** What a handle needs of the engine. */
export interface SessionHost {
  readonly committer: Committer;
  readonly limits: Limits;
  now(): number;
  /** The stream is over: forget the session. */
  forget(session: LiveSession, why: "lost" | "superseded" | "violation"): void;
  /** The stream broke: the session goes on without it until its leases run out. */
  streamBroke(session: LiveSession): void;
}

/** Takes in what one runner sends. Every frame counts as a sign of life. */
export function createSessionHandle(host: SessionHost, session: LiveSession): SessionHandle {
  const { committer, limits } = host;

  function seen(): boolean {
    session.lastSeen = host.now();
    return !session.closed;
  }

  function violate(message: string): void {
    const rejection: Rejection = { reason: "PROTOCOL_VIOLATION", message };
    host.forget(session, "violation");
    session.sink.close(rejection);
  }

  return {
    outcomes(outcomes: readonly Outcome[]) {
      if (!seen() || outcomes.length === 0) return;
      session.pending += outcomes.length;
      const items = outcomes.map((one) => prepareOutcome(one, limits, session.mayHaveParts.has(one.leaseToken)));
      committer.add({ kind: "outcomes", session, items });
    },
    parts(parts: readonly SubtaskPart[]) {
      if (!seen() || parts.length === 0) return;
      session.pending += parts.length;
      for (const part of parts) session.mayHaveParts.add(part.leaseToken);
      committer.add({ kind: "parts", session, items: parts.map((part) => preparePart(part, limits)) });
    },
    progress(reports: readonly ProgressReport[]) {
      if (!seen() || reports.length === 0) return;
      const items = reports.map((report) => prepareReport(report, limits));
      const bad = items.find((item) => !item.valid.ok);
      // Reports are not acknowledged, so a bad one can only be answered by ending the session.
      if (bad !== undefined && !bad.valid.ok) return violate(bad.valid.rejection.message);
      committer.add({ kind: "reports", session, items });
    },
    heartbeat() {
      seen();
    },
    addCredits(credits: number) {
      if (!seen()) return;
      if (session.credits + credits > limits.maxCredits) {
        return violate(`the session would hold more than max_credits (${limits.maxCredits})`);
      }
      session.credits += credits;
      committer.dispatch();
    },
    drain() {
      seen();
      session.draining = true;
    },
    writable() {
      if (!session.closed) committer.dispatch();
    },
    end() {
      if (session.closed) return;
      session.closed = true;
      committer.add({ kind: "end", session });
    },
    lost() {
      if (!session.closed) host.streamBroke(session);
    },
    pending: () => session.pending,
  };
}
