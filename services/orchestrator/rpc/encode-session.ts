import { versionText } from "../domain/version.ts";
import type { GrantedTask, LeaseAck, LeaseRef, OpenedSession, RevocationReason, SessionSink } from "../engine/api.ts";
import {
  type Ack,
  AckResult,
  type Grant,
  type Grants,
  RevocationReason as ProtoRevocationReason,
} from "../gen/taskgrove/v1/lease.ts";
import type { SessionLimits, SessionResponse } from "../gen/taskgrove/v1/runner.ts";
import { encodeDuration } from "./durations.ts";
import { asBuffer } from "./encode.ts";

/** Grants frames are cut when their inputs reach this size: clients in other languages take 4 MiB unless told otherwise. */
const MAX_GRANTS_FRAME_BYTES = 1024 * 1024;
/** What a grant takes besides its texts and its input, about. */
const GRANT_OVERHEAD_BYTES = 64;

const REVOCATION_REASON_TO_PROTO = {
  JOB_CANCELED: ProtoRevocationReason.REVOCATION_REASON_JOB_CANCELED,
  LEASE_LOST: ProtoRevocationReason.REVOCATION_REASON_LEASE_LOST,
  ATTEMPT_TIMEOUT: ProtoRevocationReason.REVOCATION_REASON_ATTEMPT_TIMEOUT,
} as const satisfies Record<RevocationReason, ProtoRevocationReason>;

export const PING: SessionResponse = { frame: { $case: "ping", value: {} } };
export const IDLE: SessionResponse = { frame: { $case: "idle", value: {} } };

/** The answer to a hello. */
export function encodeWelcome(opened: OpenedSession, limits: SessionLimits): SessionResponse {
  const value = {
    sessionId: opened.sessionId,
    resumed: opened.resumed,
    heartbeatInterval: encodeDuration(opened.heartbeatIntervalMs),
    leaseDuration: encodeDuration(opened.leaseDurationMs),
    pingInterval: encodeDuration(opened.pingIntervalMs),
    lostLeases: [...opened.lostLeases],
    limits,
  };
  return { frame: { $case: "welcome", value } };
}

/** A frame with about its size on the wire. */
export interface SizedResponse {
  readonly response: SessionResponse;
  readonly bytes: number;
}

/** Frames for grants: jobs and identifiers go into tables, since most grants of one batch share them. */
export function encodeGrants(granted: readonly GrantedTask[]): SizedResponse[] {
  const frames: SizedResponse[] = [];
  let frame = new GrantsFrame();
  for (const task of granted) {
    if (frame.bytes >= MAX_GRANTS_FRAME_BYTES) {
      frames.push(frame.finish());
      frame = new GrantsFrame();
    }
    frame.add(task);
  }
  frames.push(frame.finish());
  return frames;
}

/** A frame for answers. */
export function encodeAcks(acks: readonly LeaseAck[]): SessionResponse {
  return { frame: { $case: "acks", value: { acks: acks.map(encodeAck) } } };
}

/** A frame for revocations. */
export function encodeRevocations(revocations: Parameters<SessionSink["revocations"]>[0]): SessionResponse {
  const value = {
    revocations: revocations.map(({ taskId, leaseToken, reason }) => ({
      taskId,
      leaseToken,
      reason: REVOCATION_REASON_TO_PROTO[reason],
    })),
  };
  return { frame: { $case: "revocations", value } };
}

/** A frame that sends the runner elsewhere. */
export function encodeGoAway(reason: string): SessionResponse {
  return { frame: { $case: "goAway", value: { reason } } };
}

/** The answer to something that the edge itself refuses. */
export function refusedAck(lease: LeaseRef & { readonly number?: number }, ack: Pick<LeaseAck, "rejection">): LeaseAck {
  const { taskId, leaseToken } = lease;
  return lease.number === undefined
    ? { taskId, leaseToken, rejection: ack.rejection }
    : { taskId, leaseToken, part: lease.number, rejection: ack.rejection };
}

class GrantsFrame {
  bytes = 0;
  readonly #value: Grants = { jobs: [], identifiers: [], grants: [] };
  readonly #jobs = new Map<string, number>();
  readonly #queues = new Map<number, number>();

  add(task: GrantedTask): void {
    const grant: Grant = {
      taskId: task.taskId,
      leaseToken: task.leaseToken,
      job: this.#jobIndex(task),
      identifier: this.#identifierIndex(task),
      input: asBuffer(task.input),
      display: task.display,
      attempt: task.attempt,
      failures: task.failures,
      attemptTimeout: task.attemptTimeoutMs === null ? undefined : encodeDuration(task.attemptTimeoutMs),
      parentId: task.parentId ?? "",
      cluster: task.cluster,
    };
    this.#value.grants.push(grant);
    this.bytes += GRANT_OVERHEAD_BYTES + task.input.length + task.display.length;
  }

  finish(): SizedResponse {
    return { response: { frame: { $case: "grants", value: this.#value } }, bytes: this.bytes };
  }

  #jobIndex({ job }: GrantedTask): number {
    const known = this.#jobs.get(job.id);
    if (known !== undefined) return known;
    const index = this.#value.jobs.push({ id: job.id, name: job.name, traceParent: job.traceParent }) - 1;
    this.#jobs.set(job.id, index);
    return index;
  }

  #identifierIndex({ queueId, identifier }: GrantedTask): number {
    const known = this.#queues.get(queueId);
    if (known !== undefined) return known;
    const index = this.#value.identifiers.push({ name: identifier.name, version: versionText(identifier) }) - 1;
    this.#queues.set(queueId, index);
    return index;
  }
}

function encodeAck(ack: LeaseAck): Ack {
  const rejection = ack.rejection;
  const refused = rejection !== null && rejection.reason !== "STALE_LEASE";
  return {
    taskId: ack.taskId,
    leaseToken: ack.leaseToken,
    result: ackResult(ack),
    reason: refused ? rejection.reason : "",
    message: refused ? rejection.message : "",
    part: ack.part,
  };
}

function ackResult({ rejection }: LeaseAck): AckResult {
  if (rejection === null) return AckResult.ACK_RESULT_ACCEPTED;
  return rejection.reason === "STALE_LEASE" ? AckResult.ACK_RESULT_STALE_LEASE : AckResult.ACK_RESULT_REFUSED;
}
