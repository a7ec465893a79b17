import type { Client, Job } from "taskgrove";
import { type ColorEnvironment, createStyle, wantsColor } from "../format/style.ts";
import { createJsonView } from "./json-view.ts";
import { createLineView } from "./line-view.ts";
import { JobModel } from "./model.ts";
import { createTerminalView } from "./terminal-view.ts";
import type { Clock, Output, WatchView } from "./views.ts";

/** How to show a job. */
export interface WatchJobOptions {
  /** Where to write, for example `process.stdout`. */
  readonly out: Output;
  /**
   * `terminal` draws in place, `lines` adds lines, `json` writes each update as one line of JSON. Default: `terminal` on a terminal, else `lines`.
   */
  readonly mode?: "terminal" | "lines" | "json";
  /** Stops watching: the promise rejects with the signal's reason, and the terminal is left clean. */
  readonly signal?: AbortSignal;
  /** Where `NO_COLOR`, `FORCE_COLOR` and `TERM` are looked up. Default: `process.env`. */
  readonly env?: ColorEnvironment;
  /** Default: the system's clock. */
  readonly clock?: Clock;
}

/** At most ten frames a second. */
const frameIntervalMs = 100;

/**
 * Shows a job while it grows, and its outcome when it has ended. Returns the job as it ended: completed, failed or canceled.
 *
 * Rejects with a `TaskgroveError` when the job does not exist or the orchestrator cannot be reached, and with the signal's reason when that aborts.
 */
export async function watchJob(client: Client, jobId: string, options: WatchJobOptions): Promise<Job> {
  const { signal } = options;
  const model = new JobModel(await client.jobs.get(jobId));
  signal?.throwIfAborted();
  const view = createView(model, options);
  const timer = setInterval(view.tick, frameIntervalMs);
  const restore = () => view.stop();
  process.once("exit", restore);
  try {
    let last = model.job;
    for await (const update of client.jobs.watch(jobId, signal === undefined ? {} : { signal })) {
      view.update(update);
      last = update.job ?? last;
    }
    const job = last ?? (await client.jobs.get(jobId));
    view.end(job);
    return job;
  } catch (error) {
    view.stop();
    throw error;
  } finally {
    clearInterval(timer);
    process.off("exit", restore);
  }
}

function createView(model: JobModel, { out, mode, env = process.env, clock = Date.now }: WatchJobOptions): WatchView {
  switch (mode ?? (out.isTTY === true && env.TERM !== "dumb" ? "terminal" : "lines")) {
    case "json":
      return createJsonView(out);
    case "lines":
      return createLineView(model, out, clock);
    case "terminal":
      return createTerminalView(model, out, createStyle(wantsColor(out, env)), clock);
  }
}
