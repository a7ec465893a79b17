import { setTimeout as sleep } from "node:timers/promises";
import type { Client as GrpcClient } from "@grpc/grpc-js";
import { toTaskgroveError } from "../errors.ts";
import { JobServiceService } from "../gen/taskgrove/v1/job_service.ts";
import type { JobUpdate } from "../model.ts";
import { reconnectDelayMs } from "../rpc/backoff.ts";
import { openServerStream } from "../rpc/calls.ts";
import { decodeUpdate } from "./decode.ts";
import type { WatchOptions } from "./options.ts";

/** Gives up when the orchestrator was away this long. */
const maxOutageMs = 60_000;

/**
 * Watches a job. A lost connection is taken up again behind the last update; only when the orchestrator was never there, or
 * is away for a minute, the watch fails with `UNAVAILABLE`.
 */
export async function* watchJob(client: GrpcClient, jobId: string, options: WatchOptions): AsyncGenerator<JobUpdate> {
  let resumeToken = options.resumeToken ?? "";
  let lastHeard: number | undefined;
  let failures = 0;
  for (;;) {
    try {
      for await (const update of watchOnce(client, jobId, resumeToken, options)) {
        lastHeard = Date.now();
        failures = 0;
        resumeToken = update.resumeToken;
        yield update;
      }
      return;
    } catch (error) {
      options.signal?.throwIfAborted();
      const failure = toTaskgroveError(error);
      const isOutage =
        failure.code === "UNAVAILABLE" && lastHeard !== undefined && Date.now() - lastHeard <= maxOutageMs;
      if (!isOutage) throw failure;
      const delayMs = reconnectDelayMs(failures++);
      await sleep(delayMs, undefined, { signal: options.signal }).catch(() => options.signal?.throwIfAborted());
    }
  }
}

async function* watchOnce(
  client: GrpcClient,
  jobId: string,
  resumeToken: string,
  { jobOnly = false, signal }: WatchOptions,
): AsyncGenerator<JobUpdate> {
  signal?.throwIfAborted();
  const call = openServerStream(client, JobServiceService.watchJob, { jobId, resumeToken, jobOnly });
  const cancel = () => call.cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    for await (const response of call) yield decodeUpdate(response);
  } finally {
    signal?.removeEventListener("abort", cancel);
    call.on("error", () => {});
    call.cancel();
  }
}
