import { setTimeout as sleep } from "node:timers/promises";
import type { Client as GrpcClient } from "@grpc/grpc-js";
import { toTaskgroveError } from "../errors.ts";
import { JobServiceService } from "../gen/taskgrove/v1/job_service.ts";
import type { JobUpdate } from "../model.ts";
import { openServerStream } from "../rpc/calls.ts";
import type { Orchestrators, Outage } from "../rpc/orchestrators.ts";
import { decodeUpdate } from "./decode.ts";
import type { WatchOptions } from "./options.ts";

/**
 * Watches a job. A lost connection is taken up again behind the last update, at another orchestrator when there is one; only when none was
 * ever there, or all are away for too long, the watch fails with `UNAVAILABLE`.
 */
export async function* watchJob(
  orchestrators: Orchestrators,
  jobId: string,
  options: WatchOptions,
): AsyncGenerator<JobUpdate> {
  const { signal } = options;
  const outage: Outage = { failures: 0, sinceMs: 0 };
  const onAccepted = () => {
    outage.failures = 0;
    orchestrators.heard();
  };
  let resumeToken = options.resumeToken ?? "";
  for (;;) {
    let client: GrpcClient | undefined;
    try {
      client = await orchestrators.connect();
      for await (const update of watchOnce(client, jobId, { ...options, resumeToken }, onAccepted)) {
        resumeToken = update.resumeToken;
        yield update;
      }
      return;
    } catch (error) {
      signal?.throwIfAborted();
      const failure = toTaskgroveError(error);
      const delayMs = orchestrators.failed(client, failure, outage);
      if (delayMs === undefined) throw failure;
      await sleep(delayMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

async function* watchOnce(
  client: GrpcClient,
  jobId: string,
  { resumeToken = "", jobOnly = false, signal }: WatchOptions,
  onAccepted: () => void,
): AsyncGenerator<JobUpdate> {
  signal?.throwIfAborted();
  const call = openServerStream(client, JobServiceService.watchJob, { jobId, resumeToken, jobOnly });
  // Comes as soon as the job was found: a job may be without a change for longer than any outage.
  call.once("metadata", onAccepted);
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
