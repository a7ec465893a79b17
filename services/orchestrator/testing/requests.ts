import type { ServiceError } from "@grpc/grpc-js";
import type { Job } from "../gen/taskgrove/v1/job.ts";
import { JobServiceService } from "../gen/taskgrove/v1/job_service.ts";
import { aJob, type RawClient } from "./raw-client.ts";
import { leaseOf, type RawRunner } from "./raw-runner.ts";

/** Submits `aJob(...)` and gives its id. */
export async function submit(client: RawClient, ...args: Parameters<typeof aJob>): Promise<string> {
  const { job } = await client.unary(JobServiceService.submitJob, aJob(...args));
  if (job === undefined) throw new Error("no job");
  return job.id;
}

export async function getJob(client: RawClient, jobId: string): Promise<Job> {
  const { job } = await client.unary(JobServiceService.getJob, { jobId });
  if (job === undefined) throw new Error("no job");
  return job;
}

/** How a call was refused; an error when it was not. */
export async function refusal(
  call: Promise<unknown>,
): Promise<{ readonly code: number; readonly reason: unknown; readonly details: string }> {
  const error = await call.then(
    () => {
      throw new Error("was accepted");
    },
    (cause: ServiceError) => cause,
  );
  return { code: error.code, reason: error.metadata?.get("taskgrove-reason")[0], details: error.details };
}

/** Executes `count` tasks, one after the other. */
export async function execute(runner: RawRunner, count: number): Promise<void> {
  for (let done = 0; done < count; done++) {
    runner.outcomes(...(await runner.grants(1)).map(leaseOf));
    await runner.next("acks");
  }
}
