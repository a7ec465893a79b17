import type { Evidence } from "../evidence.ts";
import { groupBy } from "../job-case.ts";
import type { Violation } from "../violation.ts";

/** Long after the last disturbance no session of a dead process is left, and no lease is held by nobody. */
export function noLeaseOfTheDead({ sessions, aliveRunners, jobs }: Evidence): Violation[] {
  const listed = new Set(sessions.map(({ id }) => id));
  const dead = sessions.flatMap(({ id, runner, running }) => {
    if (aliveRunners.includes(runner)) return [];
    const message = `session ${id} of ${runner}, which is dead, is still alive and holds ${running} leases`;
    return [{ rule: "no-lease-of-the-dead" as const, message }];
  });
  const orphans = jobs.flatMap((job) =>
    job.tasks.flatMap(({ id, state, sessionId = "" }) => {
      if (state !== "RUNNING" || listed.has(sessionId)) return [];
      const message = `task ${id} of ${job.name} is RUNNING under session ${sessionId || "none"}, which is not there`;
      return [{ rule: "no-lease-of-the-dead" as const, message, jobId: job.id, key: job.name, taskIds: [id] }];
    }),
  );
  return [...dead, ...orphans];
}

/** Every runner process that is alive has come back, with one session, and holds nothing when nothing is left to do. */
export function runnersAreBack({ sessions, aliveRunners, jobs }: Evidence): Violation[] {
  const byRunner = groupBy(sessions, ({ runner }) => runner);
  const runningTasks = jobs.flatMap(({ tasks }) => tasks).filter(({ state }) => state === "RUNNING").length;
  return aliveRunners.flatMap((runner) => {
    const own = byRunner.get(runner) ?? [];
    const leases = own.reduce((sum, { running }) => sum + running, 0);
    const rule = "runners-are-back" as const;
    if (own.length !== 1) return [{ rule, message: `${runner} is alive and has ${own.length} sessions` }];
    if (leases === 0 || runningTasks > 0) return [];
    return [{ rule, message: `${runner} holds ${leases} leases although nothing runs` }];
  });
}

/** Orchestrators that serve answer, when nothing is disturbed. */
export function orchestratorsAnswer({ unreadable }: Evidence): Violation[] {
  return unreadable === undefined ? [] : [{ rule: "orchestrators-answer", message: `nobody answers: ${unreadable}` }];
}

/** No process ends by itself, whatever happens to the others. */
export function processesLive({ deaths }: Evidence): Violation[] {
  return deaths.map(({ at, process, how }) => {
    return { rule: "processes-live", message: `${process} ended by itself: ${how}`, at };
  });
}
