import { accept } from "../domain/rejection.ts";
import {
  type ListRunnersRequest,
  type ListRunnersResponse,
  RunnerServiceService,
  SessionRequest,
  SessionResponse,
} from "../gen/taskgrove/v1/runner.ts";
import { endWithRejection, type RpcContext, unary } from "./calls.ts";
import { asBuffer, encodeRunner } from "./encode.ts";
import { decodePage, encodePageToken } from "./paging.ts";
import { type SessionCall, SessionStream, type SizedRequest } from "./session-stream.ts";
import { STOPPING } from "./stopping.ts";

/**
 * As generated, but the session knows the size of its frames, and a frame that cannot be decoded becomes one without content, which breaks
 * the protocol of that session with a reason of ours.
 */
export const RUNNER_SERVICE = {
  session: {
    ...RunnerServiceService.session,
    requestDeserialize: (bytes: Buffer): SizedRequest => ({ request: decodeFrame(bytes), bytes: bytes.length }),
    responseSerialize: (value: SessionResponse): Buffer => asBuffer(SessionResponse.encode(value).finish()),
  },
  listRunners: RunnerServiceService.listRunners,
};

/** RunnerService, and the means to send its runners elsewhere. */
export interface RunnerService {
  readonly handlers: ReturnType<typeof handlersOf>;
  /** From now on no session is opened, and every open one is told to go away. Resolves when all have gone. */
  leave(reason: string): Promise<void>;
  /** Ends all streams; the sessions go on when their runners connect elsewhere. */
  close(): void;
}

/** Makes the handlers of RunnerService. */
export function createRunnerService(context: RpcContext): RunnerService {
  const open = new Set<SessionStream>();
  let leaving: (() => void) | null = null;

  function openSession(call: SessionCall): void {
    if (leaving !== null) {
      endWithRejection(call, STOPPING);
      return;
    }
    const stream = new SessionStream(call, context, {
      maxMessageBytes: context.engine.limits.maxMessageBytes,
      maxSubtasksPerFrame: context.engine.limits.maxSubtasksPerFrame,
      maxInputBytes: context.engine.limits.maxInputBytes,
    });
    open.add(stream);
    call.on("close", () => {
      open.delete(stream);
      if (open.size === 0) leaving?.();
    });
  }

  return {
    handlers: handlersOf(context, openSession),
    leave(reason) {
      return new Promise((resolve) => {
        leaving = resolve;
        for (const stream of open) stream.goAway(reason);
        if (open.size === 0) resolve();
      });
    },
    close() {
      for (const stream of open) stream.close(STOPPING);
    },
  };
}

function handlersOf(context: RpcContext, session: (call: SessionCall) => void) {
  return {
    session,
    listRunners: unary(context, "RunnerService.ListRunners", async (request: ListRunnersRequest) => {
      const page = decodePage("runners", request);
      if (!page.ok) return page;
      const cluster = request.cluster === "" ? null : request.cluster;
      const sessions = await context.engine.reads.listSessions(cluster, page.value);
      return accept<ListRunnersResponse>({
        runners: sessions.items.map(encodeRunner),
        nextPageToken: encodePageToken("runners", sessions.next),
      });
    }),
  };
}

function decodeFrame(bytes: Buffer): SessionRequest {
  try {
    return SessionRequest.decode(bytes);
  } catch {
    return { frame: undefined };
  }
}
