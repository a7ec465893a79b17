import type { DisturbanceRecord } from "../history.ts";
import type { Execution, JobCase } from "../job-case.ts";
import { DATABASE, MACHINE } from "../topology.ts";
import type { Violation } from "../violation.ts";

/** A lease is renewed when a third of it is over, so at least two thirds are left whatever happens; a little less, for slow machines. */
const SAFE_SHARE = 0.6;
/** What was held up this many leases before may have been late. */
const AFTERMATH_LEASES = 2.5;

/**
 * Nothing is done twice without a reason: a runner that loses its orchestrator, to a crash or a reset, takes its leases along to the next one. So a
 * task that a runner has computed is not granted again sooner than a lease can run out, unless the runner was killed or something was
 * held up.
 */
export function noRework({ job, plan, planned, tasks, executions, disturbances, leaseMs }: JobCase): Violation[] {
  return [...executions.values()].flatMap((runs) =>
    runs.flatMap((run) => {
      const path = tasks.get(run.taskId)?.path ?? "";
      // Its attempts may be over for the attempt timeout.
      if (run.end?.result !== "computed" || planned.get(path)?.plan.failsBy === "stall") return [];
      const later = runs.filter(({ attempt }) => attempt > run.attempt).sort((a, b) => a.startedAt - b.startedAt)[0];
      if (later === undefined || later.startedAt - run.startedAt > SAFE_SHARE * leaseMs) return [];
      const since = run.startedAt - AFTERMATH_LEASES * leaseMs;
      const near = disturbances.filter(({ at, until }) => at < later.startedAt && until > since);
      if (near.some((disturbance) => explainsLoss(disturbance, run))) return [];
      const message = `attempt ${run.attempt} of task ${path} (${run.taskId}) of ${plan.key} was computed by ${run.runner}, and yet granted again at once, to ${later.runner}`;
      return [{ rule: "no-rework" as const, message, jobId: job.id, key: plan.key, taskIds: [run.taskId] }];
    }),
  );
}

function explainsLoss({ parts, holdsUp }: DisturbanceRecord, { runner }: Execution): boolean {
  const [name] = runner.split(".");
  return parts.some((part) => {
    if (part === name || part === MACHINE) return true;
    if (!holdsUp) return false;
    return part.startsWith(`${name}>`) || part.startsWith("orchestrator-") || part === DATABASE;
  });
}
