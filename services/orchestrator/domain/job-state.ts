import type { JobRecord } from "./records.ts";

/** A job's state as users see it. */
export type JobState = "SUBMITTED" | "RUNNING" | "STARTED" | "COMPLETED" | "FAILED" | "CANCELED";

/** Derives what users see from what is stored. */
export function jobState(job: JobRecord): JobState {
  if (job.status !== "OPEN") return job.status;
  if (job.counts.RUNNING > 0) return "RUNNING";
  return job.startedAt === null ? "SUBMITTED" : "STARTED";
}
