import type { Evidence } from "./evidence.ts";
import { type JobCase, openCases } from "./job-case.ts";
import type { Violation } from "./violation.ts";

/** Events of one violation that are shown; the rest is in the folder. */
const MAX_LINES = 120;
/** Disturbances this long before the first event may have to do with it. */
const BEFORE_MS = 5_000;

interface Event {
  readonly at: number;
  readonly text: string;
}

/**
 * The shortest history that shows a violation: what happened to the tasks that it is about, what was asked of their job, and what was disturbed
 * at that time; first by the clock, then as the job's log has it.
 */
export function explain(violation: Violation, evidence: Evidence): string[] {
  const jobCase = openCases(evidence).find(({ job }) => job.id === violation.jobId);
  const taskIds = new Set(violation.taskIds ?? []);
  const shown = violation.at === undefined ? [] : [{ at: violation.at, text: "here it showed" }];
  const events = [...requestEvents(violation, evidence), ...executionEvents(evidence, taskIds), ...shown];
  const timeline = withDisturbances(events.sort(byTime), evidence);
  const firstAt = timeline[0]?.at ?? 0;
  const clock = timeline.map(({ at, text }) => `  ${seconds(at - firstAt)}  ${text}`);
  const log = jobCase === undefined ? [] : logLines(jobCase, taskIds);
  return [
    `${violation.rule}: ${violation.message}`,
    ...(clock.length > 0 ? ["  by the clock (seconds from the first event):", ...shorten(clock)] : []),
    ...(log.length > 0 ? ["  in the log of the job (entry: step):", ...shorten(log)] : []),
  ];
}

function requestEvents({ key }: Violation, { submitter }: Evidence): Event[] {
  const own = submitter.filter((record) => record.key === key);
  return own.map(({ at, act, step, request, via, jobId, code }) => {
    const detail = [jobId, code].filter((part) => part !== undefined).join(" ");
    return { at, text: `submitter: ${act} ${step} (request ${request} to ${via}) ${detail}`.trimEnd() };
  });
}

function executionEvents({ runners }: Evidence, taskIds: ReadonlySet<string>): Event[] {
  const runs = new Map<string, string>();
  return runners.flatMap((record) => {
    if (record.kind === "start") {
      if (!taskIds.has(record.taskId)) return [];
      const { at, runner, path, taskId, attempt, run } = record;
      runs.set(run, `attempt ${attempt} of ${path} (${taskId})`);
      return [{ at, text: `${runner}: starts attempt ${attempt} of ${path} (${taskId}) as ${run}` }];
    }
    const what = runs.get(record.run);
    return what === undefined ? [] : [{ at: record.at, text: `${record.runner}: ends ${what}: ${record.result}` }];
  });
}

function withDisturbances(events: readonly Event[], { disturbances }: Evidence): Event[] {
  const [from, to] = [events[0]?.at ?? Number.NEGATIVE_INFINITY, events.at(-1)?.at ?? Number.POSITIVE_INFINITY];
  const near = disturbances.filter(({ at, until }) => until >= from - BEFORE_MS && at <= to);
  const told = near.map(({ at, until, what }) => ({
    at,
    text: `disturbance: ${what} for ${(until - at).toFixed(0)} ms`,
  }));
  return [...events, ...told].sort(byTime);
}

/** Steps of the tasks in question, and every change of the job's own state. */
function logLines({ job, tasks, steps }: JobCase, taskIds: ReadonlySet<string>): string[] {
  const lines: { readonly entry: number; readonly text: string }[] = [];
  for (const { entry, taskId, state, attempt, failure } of steps) {
    if (!taskIds.has(taskId)) continue;
    const reason = failure === undefined ? "" : ` (${failure})`;
    lines.push({
      entry,
      text: `${tasks.get(taskId)?.path ?? "?"} (${taskId}) ${state} in attempt ${attempt}${reason}`,
    });
  }
  let state = "";
  for (const [entry, { job: shown }] of job.log.entries()) {
    if (shown === undefined || shown.state === state) continue;
    state = shown.state;
    lines.push({ entry, text: `job ${state}` });
  }
  return lines.sort((a, b) => a.entry - b.entry).map(({ entry, text }) => `  ${String(entry).padStart(5)}: ${text}`);
}

function byTime(a: Event, b: Event): number {
  return a.at - b.at;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3).padStart(9);
}

function shorten(lines: readonly string[]): string[] {
  if (lines.length <= MAX_LINES) return [...lines];
  const half = MAX_LINES / 2;
  return [...lines.slice(0, half), `  ... ${lines.length - MAX_LINES} more ...`, ...lines.slice(-half)];
}
