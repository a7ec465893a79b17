import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TaskgroveError } from "taskgrove";
import { check } from "./checker.ts";
import { Collector } from "./collect.ts";
import { Disturber } from "./disturber.ts";
import type { Evidence } from "./evidence.ts";
import { explain } from "./explain.ts";
import {
  appendHistory,
  type DisturbanceRecord,
  monotonicMs,
  type RunnerRecord,
  readHistory,
  type SubmitterRecord,
} from "./history.ts";
import type { FaultOptions } from "./options.ts";
import { planDisturbances } from "./schedule.ts";
import { Submitter } from "./submitter.ts";
import type { System } from "./system.ts";
import { type Tally, tallyRound } from "./tally.ts";
import { MACHINE, type Topology } from "./topology.ts";
import type { Violation } from "./violation.ts";
import { Workload } from "./workload.ts";

/** Jobs must have ended this long after the last disturbance. */
const QUIET_LIMIT_MS = 90_000;
/** A runner that found nobody waits for up to 10 s before it tries again, and then for as long for an answer. Dead sessions are gone sooner. */
const RETURN_LIMIT_MS = 25_000;
const POLL_MS = 200;
/** Jobs of violations that are written to the folder. */
const MAX_KEPT = 20;

/** A lag of this length is too long to say that nothing was disturbed. */
const LAG_MS = 300;

/** What came of one round. */
export interface RoundResult {
  readonly tally: Tally;
  /** Each violation with its history, as lines. Empty: all was well. */
  readonly violations: readonly (readonly string[])[];
}

/** What a round runs on. */
export interface RoundContext {
  readonly options: FaultOptions;
  readonly topology: Topology;
  readonly system: System;
  readonly folder: string;
  /** How far the runner histories have been read in earlier rounds. */
  readonly offsets: Map<string, number>;
  /** Says what is going on. */
  readonly say: (step: string, detail: string) => void;
}

/** Disturbs for a while, lets everything come to its end, and checks. */
export async function runRound(context: RoundContext, round: number, durationMs: number): Promise<RoundResult> {
  const { options, topology, system, folder, say } = context;
  const schedule = planDisturbances({ ...options, round, durationMs, topology });
  const disturbances: DisturbanceRecord[] = [];
  const requests: SubmitterRecord[] = [];
  const stop = new AbortController();
  const submitter = new Submitter(system.submitterAddresses, (record) => requests.push(record), stop.signal);
  const workload = new Workload({ seed: options.seed, round, window: options.window, submitter });
  const disturber = new Disturber(system, (record) => disturbances.push(record));
  const watching = watchMachine((record) => disturbances.push(record));
  const saying = setInterval(() => {
    const current = disturber.current.join(", ") || "nothing";
    say(`round ${round}`, `${workload.plans.size} jobs, ${workload.open} open; disturbed: ${current}`);
  }, 200);
  try {
    workload.start();
    await Promise.race([disturber.run(schedule, durationMs), workload.failed]);
    await system.whole();
    const timer = setTimeout(() => stop.abort(), QUIET_LIMIT_MS);
    await workload.finish();
    clearTimeout(timer);
  } finally {
    clearInterval(saying);
    clearInterval(watching);
    stop.abort();
    submitter.close();
  }
  const evidence = await collect(context, round, workload, { requests, disturbances });
  appendHistory(join(folder, "submitter.ndjson"), requests);
  appendHistory(join(folder, "disturbances.ndjson"), disturbances);
  const found = check(evidence);
  keepJobs(folder, evidence, found);
  return {
    tally: tallyRound(evidence, schedule),
    violations: found.map((violation) => explain(violation, evidence)),
  };
}

/** The store is gone afterwards: whoever wants to know more finds here what it said of the jobs in question. */
function keepJobs(folder: string, { jobs }: Evidence, violations: readonly Violation[]): void {
  const ids = new Set(violations.map(({ jobId }) => jobId));
  const kept = jobs.filter(({ id }) => ids.has(id)).slice(0, MAX_KEPT);
  for (const job of kept) writeFileSync(join(folder, `${job.name}json`), JSON.stringify(job, null, 2));
}

async function collect(
  { options, topology, system, offsets, say }: RoundContext,
  round: number,
  { plans, live }: Workload,
  done: { readonly requests: readonly SubmitterRecord[]; readonly disturbances: readonly DisturbanceRecord[] },
): Promise<Evidence> {
  await runnersReturn(system);
  const stored = await readStore(system, round, live, (read, all) =>
    say(`round ${round}`, `reading job ${read} of ${all}`),
  );
  const runners = system.runnerHistories.flatMap((path) => {
    const { entries, end } = readHistory<RunnerRecord>(path, offsets.get(path));
    offsets.set(path, end);
    return entries;
  });
  const { aliveRunners, deaths, complaints } = system;
  const own = { submitter: done.requests, disturbances: done.disturbances, runners, leaseMs: options.leaseMs };
  const hasOneWriter = topology.orchestrators === 1;
  return { plans, ...own, hasOneWriter, aliveRunners, deaths, complaints, ...stored };
}

async function readStore(
  system: System,
  round: number,
  live: Workload["live"],
  onJob: (read: number, all: number) => void,
): Promise<Pick<Evidence, "jobs" | "sessions" | "unreadable">> {
  using collector = new Collector(system.directAddresses);
  try {
    const jobs = await collector.jobs(round, live, onJob);
    return { jobs, sessions: await collector.sessions(), unreadable: undefined };
  } catch (error) {
    if (!(error instanceof TaskgroveError)) throw error;
    return { jobs: [], sessions: [], unreadable: `${error.code}: ${error.message}` };
  }
}

/** Waits until every runner is back and no other session is left, as long as that may take; the checker says whether it was enough. */
async function runnersReturn(system: System): Promise<void> {
  using collector = new Collector(system.directAddresses);
  const deadline = monotonicMs() + RETURN_LIMIT_MS;
  const wanted = [...system.aliveRunners].sort().join();
  while (monotonicMs() < deadline) {
    const sessions = await collector.sessions().catch(() => []);
    if (
      sessions
        .map(({ runner }) => runner)
        .sort()
        .join() === wanted
    )
      return;
    await sleep(POLL_MS);
  }
}

/** A machine that has too much else to do holds up everything; so the lag of this process is a disturbance like others. */
function watchMachine(record: (record: DisturbanceRecord) => void): NodeJS.Timeout {
  let last = monotonicMs();
  return setInterval(() => {
    const now = monotonicMs();
    if (now - last > LAG_MS)
      record({ at: last, until: now, what: "the machine was slow", parts: [MACHINE], holdsUp: true });
    last = now;
  }, LAG_MS / 4);
}
