import {
  Server,
  ServerCredentials,
  type ServerErrorResponse,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { ClusterServiceService } from "../gen/taskgrove/v1/cluster.ts";
import { type Job, JobState } from "../gen/taskgrove/v1/job.ts";
import { JobServiceService } from "../gen/taskgrove/v1/job_service.ts";

/** An orchestrator whose methods are what a test says, over a real socket. */
export interface HandMadeOrchestrator extends AsyncDisposable {
  /** `host:port`. */
  readonly address: string;
}

/** Starts one; methods that are not given are not implemented. */
export async function startHandMade(handlers: UntypedServiceImplementation): Promise<HandMadeOrchestrator> {
  const server = new Server();
  server.addService(JobServiceService, handlers);
  server.addService(ClusterServiceService, handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  };
}

/** What an orchestrator says that goes away. */
export function away(): ServerErrorResponse {
  return Object.assign(new Error("away"), { code: status.UNAVAILABLE });
}

/** A job with the least that one has. */
export function aJob(id: string): Job {
  const taskCounts = { queued: 1, running: 0, computed: 0, completed: 0, failed: 0, failedOptional: 0, skipped: 0 };
  return {
    id,
    name: "a job",
    state: JobState.JOB_STATE_SUBMITTED,
    submittedAt: new Date(0),
    startedAt: undefined,
    endedAt: undefined,
    taskCounts,
    progress: [],
    error: undefined,
    failedTaskId: "",
    priority: 0,
    traceParent: "",
  };
}
