import type { Identifier, JobTask, RunnerInfo } from "taskgrove";
import { formatDuration } from "../format/values.ts";

/** Says why a queued task is not running. The runners tell whether anybody could execute it. */
export function whyQueued(task: JobTask, runners: readonly RunnerInfo[], now: number): string {
  switch (task.queuedReason) {
    case "DEPENDENCIES":
      return "waits for the tasks that it depends on";
    case "BACKOFF":
      return `failed; tried again ${task.nextAttemptAt === undefined ? "later" : inTime(task.nextAttemptAt, now)}`;
    case "JOB_HALTED":
      return "held: its job has failed or was canceled";
    case "READY":
      return whyReadyWaits(task, runners);
    case undefined:
      return "";
  }
}

function inTime(time: Date, now: number): string {
  const ms = time.getTime() - now;
  return ms <= 0 ? "now" : `in ${formatDuration(ms)}`;
}

function whyReadyWaits(task: JobTask, runners: readonly RunnerInfo[]): string {
  const inCluster = runners.filter((runner) => runner.cluster === task.cluster);
  if (inCluster.length === 0) return `ready, but no runner is connected to cluster ${task.cluster}`;
  const able = inCluster.some((runner) => runner.identifiers.some((known) => canExecute(known, task.identifier)));
  if (!able) return `ready, but no runner of cluster ${task.cluster} executes ${task.identifier.join("@")}`;
  return "ready: the next runner with a free place takes it";
}

/** Whether a runner with `known` may execute what was submitted as `wanted`: same name and major version, and at least its minor one. */
function canExecute(known: Identifier, wanted: Identifier): boolean {
  const [knownMajor, knownMinor] = versionOf(known);
  const [wantedMajor, wantedMinor] = versionOf(wanted);
  return known[0] === wanted[0] && knownMajor === wantedMajor && knownMinor >= wantedMinor;
}

function versionOf([, version]: Identifier): [major: number, minor: number] {
  const [major = 0, minor = 0] = version.slice(1).split(".").map(Number);
  return [major, minor];
}
