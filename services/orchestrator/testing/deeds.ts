import { expect } from "vitest";
import type { TaskSet } from "../domain/submission.ts";
import type { Outcome, ProgressReport, SubtaskPart } from "../engine/api.ts";
import { type LabeledLease, parsedIdentifiers, SimulatedRunner } from "./simulated-runner.ts";
import type { Simulation } from "./simulation.ts";
import { aJob } from "./submissions.ts";
import { leaseOf, TestRunner } from "./test-runner.ts";

/** One thing that somebody asks of the engine, and what the model makes of it once the engine has answered. */
export interface Deed {
  /** For people who read a failure. */
  readonly name: string;
  /** Called before the engine gets a turn, so that one batch takes all deeds of a step. */
  handIn(): Promise<void>;
  apply(): void;
}

/** The runner's word counts as a sign of life. */
export function seen(sim: Simulation, runner: SimulatedRunner): void {
  const session = sim.model.sessions.get(runner.sessionId);
  if (session !== undefined) session.lastSeen = sim.now;
}

export function heartbeat(sim: Simulation, runner: SimulatedRunner): void {
  if (!runner.isConnected || runner.isSilent) return;
  runner.stream.handle.heartbeat();
  seen(sim, runner);
}

/** Reports an outcome, with the parts that come before it. */
export function reportOutcome(
  sim: Simulation,
  runner: SimulatedRunner,
  label: string,
  outcome: Outcome,
  parts: readonly SubtaskPart[] = [],
): Deed {
  const { stream } = runner;
  return {
    name: `${runner.name} ${describe(outcome)} ${label}${parts.length > 0 ? ` after ${parts.length} parts` : ""}`,
    async handIn() {
      seen(sim, runner);
      stream.handle.parts(parts);
      stream.handle.outcomes([outcome]);
    },
    apply() {
      for (const part of parts) checkPart(sim, runner, stream, label, part);
      const answer = sim.model.outcome(label, outcome);
      const ack = runner.takeAnswer(stream, outcome.leaseToken);
      if (ack === undefined) return expectCut(runner, stream);
      expect(`${label}: ${ack}`).toBe(`${label}: ${answer}`);
      if (ack === "refused") return;
      runner.dropLease(outcome.leaseToken, stream, sim.model.sessions.get(runner.sessionId));
    },
  };
}

export function sendPart(sim: Simulation, runner: SimulatedRunner, label: string, part: SubtaskPart): Deed {
  const { stream } = runner;
  return {
    name: `${runner.name} part ${part.number} of ${label}`,
    async handIn() {
      seen(sim, runner);
      stream.handle.parts([part]);
    },
    apply: () => checkPart(sim, runner, stream, label, part),
  };
}

function checkPart(
  sim: Simulation,
  runner: SimulatedRunner,
  stream: TestRunner,
  label: string,
  part: SubtaskPart,
): void {
  const answer = sim.model.part(label, part);
  const ack = runner.takeAnswer(stream, part.leaseToken, part.number);
  if (ack === undefined) expectCut(runner, stream);
  else expect(`${label} part ${part.number}: ${ack}`).toBe(`${label} part ${part.number}: ${answer}`);
}

/** An answer may only be missing when the stream was gone by then. */
function expectCut(runner: SimulatedRunner, stream: TestRunner): void {
  expect(runner.isConnected && runner.stream === stream, "an answer is missing").toBe(false);
}

export function sendReport(sim: Simulation, runner: SimulatedRunner, label: string, report: ProgressReport): Deed {
  const { stream } = runner;
  return {
    name: `${runner.name} progress of ${label}`,
    async handIn() {
      seen(sim, runner);
      stream.handle.progress([report]);
    },
    apply() {
      const isStale = sim.model.report(label, report);
      if (!isStale || !runner.isConnected || runner.stream !== stream) return;
      expect(stream.revoked).toContainEqual({ ...leaseOf(report), reason: "LEASE_LOST" });
    },
  };
}

export function submit(sim: Simulation, set: TaskSet, priority: number): Deed {
  let jobId: string | null = null;
  return {
    name: `submit ${textOf(set)}`,
    async handIn() {
      const result = await sim.anyEngine().submitJob(aJob({ tasks: set, priority }));
      if (result.ok) jobId = result.value.job.id;
    },
    apply() {
      expect(jobId === null).toBe(sim.model.refusesJob(set));
      if (jobId !== null) sim.model.submit(jobId, priority, set);
    },
  };
}

export function cancel(sim: Simulation, jobId: string): Deed {
  let ok: boolean | null = null;
  return {
    name: `cancel ${jobId}`,
    async handIn() {
      ok = (await sim.anyEngine().cancelJob(jobId)).ok;
    },
    apply: () => expect(ok).toBe(sim.model.cancel(jobId)),
  };
}

export function retry(sim: Simulation, jobId: string): Deed {
  let requeued: number | null = null;
  return {
    name: `retry ${jobId}`,
    async handIn() {
      const result = await sim.anyEngine().retryJob(jobId);
      if (result.ok) requeued = result.value.requeuedTasks;
    },
    apply: () => expect(requeued).toBe(sim.model.retry(jobId)),
  };
}

export function open(
  sim: Simulation,
  cluster: string,
  identifiers: readonly number[],
  credits: number,
  leases: readonly LabeledLease[],
): Deed {
  const parsed = parsedIdentifiers(identifiers);
  const runner = new SimulatedRunner(
    `runner ${sim.runners.length}`,
    cluster === "" ? "default" : cluster,
    parsed,
    new TestRunner(),
  );
  const deed = connect(sim, runner, null, leases, credits);
  return {
    name: deed.name,
    handIn: deed.handIn,
    apply() {
      sim.runners.push(runner);
      deed.apply();
    },
  };
}

export function resume(
  sim: Simulation,
  runner: SimulatedRunner,
  leases: readonly LabeledLease[],
  credits: number,
): Deed {
  return connect(sim, runner, runner.sessionId, leases, credits);
}

function connect(
  sim: Simulation,
  runner: SimulatedRunner,
  sessionId: string | null,
  leases: readonly LabeledLease[],
  credits: number,
): Deed {
  const stream = new TestRunner();
  const { cluster, identifiers } = runner;
  return {
    name: `${runner.name} ${sessionId === null ? "opens" : "resumes"} with ${credits} credits, lists ${leases.map((one) => one.label)}`,
    async handIn() {
      const hello = {
        cluster,
        identifiers: identifiers.map(({ name, major, minor }) => ({ name, version: `v${major}.${minor}` })),
        credits,
        sessionId,
        leases: leases.map(leaseOf),
      };
      await sim.connect(stream, hello);
    },
    apply() {
      const { session } = stream;
      const resumed = sessionId !== null && sim.model.sessions.has(sessionId);
      expect(session).toMatchObject(resumed ? { resumed, sessionId } : { resumed });
      sim.model.open({ id: session.sessionId, credits, draining: false, lastSeen: sim.now });
      const lost = sim.model.resume(session.sessionId, resumed, leases);
      expect(session.lostLeases.map((lease) => lease.leaseToken)).toEqual(lost);
      runner.connect(stream, session.sessionId, leases);
    },
  };
}

export function end(sim: Simulation, runner: SimulatedRunner): Deed {
  const { sessionId } = runner;
  return {
    name: `${runner.name} ends`,
    async handIn() {
      runner.stream.handle.end();
      runner.loseStream();
    },
    apply: () => sim.model.end(sessionId),
  };
}

export function lose(runner: SimulatedRunner): Deed {
  return atOnce(runner, "loses its stream", () => {
    runner.stream.handle.lost();
    runner.loseStream();
  });
}

/** What takes effect at once. */
export function atOnce(runner: SimulatedRunner, what: string, act: () => void): Deed {
  return {
    name: `${runner.name} ${what}`,
    async handIn() {
      if (runner.isConnected) act();
    },
    apply: () => {},
  };
}

function describe({ result }: Outcome): string {
  if (result.kind === "failed") return result.nonRetryable ? "fails for good" : "fails";
  if (result.kind === "released") return "releases";
  return result.subtasks === null ? "computes" : `submits ${textOf(result.subtasks)} of`;
}

/** For each group its tasks, with a mark for those that are optional, and what it waits for. */
function textOf(set: TaskSet): string {
  const groups = set.groups.map(({ tasks, dependsOn }) => {
    const labels = tasks.map(({ input, template }) => {
      const { optional, retry } = set.templates[template] ?? { optional: false, retry: { maxRetries: 0 } };
      return `${Buffer.from(input).toString()}${optional ? "?" : ""}${"r".repeat(retry.maxRetries)}`;
    });
    return `[${labels.join(" ")}${dependsOn.length > 0 ? ` < ${dependsOn}` : ""}]`;
  });
  return groups.join(" ");
}
