import type { JobState, Progress, TaskCounts, TaskState } from "taskgrove";
import type { DisturbanceRecord, RunnerRecord, SubmitterRecord } from "./history.ts";
import type { JobPlan } from "./plan.ts";

/** Everything that is known of one round when it is over: what was done, and what the orchestrators say. The checker needs nothing else. */
export interface Evidence {
  /** What was to be submitted, by key. */
  readonly plans: ReadonlyMap<string, JobPlan>;
  /** In order of time. */
  readonly submitter: readonly SubmitterRecord[];
  /** Of all runner processes, each one's in order of time. */
  readonly runners: readonly RunnerRecord[];
  /** All jobs of the round that are stored. */
  readonly jobs: readonly StoredJob[];
  /** The sessions that are listed as alive, long after the last disturbance. */
  readonly sessions: readonly StoredSession[];
  /** Names of the runner processes that are alive. */
  readonly aliveRunners: readonly string[];
  /** Processes that ended although nobody killed them. */
  readonly deaths: readonly Death[];
  /** Errors in the logs of orchestrators. */
  readonly complaints: readonly Complaint[];
  readonly disturbances: readonly DisturbanceRecord[];
  readonly leaseMs: number;
  /** One orchestrator alone writes change logs; several write one each for the same job. */
  readonly hasOneWriter: boolean;
  /** Why the orchestrators could not be asked, long after the last disturbance; nothing is known of jobs and sessions then. */
  readonly unreadable: string | undefined;
}

/** A job with all its tasks and its change log, read when the round was over. */
export interface StoredJob {
  readonly id: string;
  /** The key of its plan. */
  readonly name: string;
  readonly state: JobState;
  readonly failedTaskId: string | undefined;
  readonly counts: TaskCounts;
  readonly progress: readonly Progress[];
  readonly tasks: readonly StoredTask[];
  /** From the submission to the end. */
  readonly log: readonly LogEntry[];
  /** What the submitter was told while the job went on, by watches that were cut and resumed. */
  readonly live: readonly LogEntry[];
  /** What watches told that were resumed behind something of `live` when the round was over. */
  readonly resumed: readonly ResumedWatch[];
}

/** A watch that began behind a token, not at the submission. */
export interface ResumedWatch {
  /** Behind the first so many responses of those that the token's watch had told. */
  readonly behind: number;
  readonly entries: readonly LogEntry[];
}

/** A task as it is stored. */
export interface StoredTask {
  readonly id: string;
  readonly parentId: string | undefined;
  /** From its input: where it stands in the plan. */
  readonly path: string;
  /** From its input: the execution that submitted it. */
  readonly by: string;
  readonly state: TaskState;
  readonly attempt: number;
  readonly failures: number;
  readonly maxRetries: number;
  /** The execution whose outcome was taken, once there is one. */
  readonly display: string;
  readonly progress: readonly Progress[];
  readonly sessionId: string | undefined;
}

/** One response of a watch: changes that were stored in one step, or a part of them. */
export interface LogEntry {
  readonly tasks: readonly LogStep[];
  /** How the job stands after these changes; undefined in a part that others follow. */
  readonly job: LogJob | undefined;
}

/** One step of one task. */
export interface LogStep {
  readonly taskId: string;
  readonly state: TaskState;
  readonly attempt: number;
  /** Why an attempt failed, when this step is a failure. */
  readonly failure: string | undefined;
}

/** A job as an entry of the log shows it. */
export interface LogJob {
  readonly state: JobState;
  readonly counts: TaskCounts;
  /** The task that failed it. */
  readonly failedTaskId: string | undefined;
}

/** A session as it is listed. */
export interface StoredSession {
  readonly id: string;
  readonly runner: string;
  readonly running: number;
}

/** The end of a process that nobody wanted. */
export interface Death {
  readonly at: number;
  readonly process: string;
  readonly how: string;
}

/** A line of an orchestrator's log that must not be there. */
export interface Complaint {
  readonly at: number;
  readonly process: string;
  readonly line: string;
}
