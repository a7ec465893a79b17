import type { TaskSet } from "../domain/submission.ts";
import type { Outcome, SubtaskPart } from "../engine/api.ts";
import type { Deed } from "./deeds.ts";
import * as deeds from "./deeds.ts";
import type { Action, Pick, RandomResult, RandomSet, Step } from "./random-actions.ts";
import type { LabeledLease, SimulatedRunner } from "./simulated-runner.ts";
import type { Simulation } from "./simulation.ts";
import { aTemplate } from "./submissions.ts";
import { computed, failed, leaseOf, part, released } from "./test-runner.ts";

/** A step whose numbers have been looked up. */
export interface Plan {
  readonly deeds: readonly Deed[];
  /** How often the clock goes on. */
  readonly steps: number;
  readonly restarts: boolean;
}

/** The order in which one batch does what was handed in; what takes effect at once comes last. */
const ORDER: readonly Action["kind"][] = [
  "stray-part",
  "report",
  "outcome",
  "submit",
  "cancel",
  "retry",
  "end",
  "open",
  "resume",
];
const MOST_TASKS = 70;

export function planStep(sim: Simulation, step: Step): Plan {
  const rank = (action: Action) => (ORDER.includes(action.kind) ? ORDER.indexOf(action.kind) : ORDER.length);
  const planned: Deed[] = [];
  let steps = 0;
  let restarts = false;
  const isAlone = step.length === 1;
  for (const action of withoutSecondResume([...step].sort((a, b) => rank(a) - rank(b)))) {
    if (action.kind === "advance") steps = action.steps;
    else if (action.kind === "vanish") planned.push(...connectedRunners(sim).map(deeds.lose));
    else if (action.kind === "restart") restarts = true;
    else planned.push(...plan(sim, action, isAlone));
  }
  return { deeds: planned, steps, restarts };
}

function plan(
  sim: Simulation,
  action: Exclude<Action, { kind: "advance" | "restart" | "vanish" }>,
  isAlone: boolean,
): Deed[] {
  switch (action.kind) {
    case "stray-part":
      return forLease(sim, action.lease, false, (runner, lease) => {
        const set = toSet(sim, action.set);
        return deeds.sendPart(sim, runner, lease.label, part(lease, action.number, set));
      });
    case "report":
      return forLease(sim, action.lease, isAlone, (runner, lease) => {
        const { progress, display } = action;
        return deeds.sendReport(sim, runner, lease.label, { ...leaseOf(lease), progress, display });
      });
    case "outcome":
      return forLease(sim, action.lease, isAlone && !hasParts(action.result), (runner, lease) => {
        const { outcome, parts } = toOutcome(sim, lease, action.result, isAlone);
        const { progress, display } = action;
        return deeds.reportOutcome(sim, runner, lease.label, { ...outcome, progress, display }, parts);
      });
    case "submit":
      return sim.model.tasks.size > MOST_TASKS ? [] : [deeds.submit(sim, toSet(sim, action.set), action.priority)];
    case "cancel":
      return at([...sim.model.jobs.keys()], action.job, (id) => deeds.cancel(sim, id));
    case "retry":
      return at([...sim.model.jobs.keys()], action.job, (id) => deeds.retry(sim, id));
    case "open":
      return [deeds.open(sim, action.cluster, action.identifiers, action.credits, orphans(sim, action.listed))];
    default:
      return planForRunner(sim, action);
  }
}

/** A process comes back once at a time. Twice over the same session is another matter, which the engine's own tests look at. */
function withoutSecondResume(actions: readonly Action[]): Action[] {
  const first = actions.findIndex((action) => action.kind === "resume");
  return actions.filter((action, index) => action.kind !== "resume" || index === first);
}

type RunnerAction = Extract<Action, { readonly runner: number }>;

function planForRunner(sim: Simulation, action: RunnerAction): Deed[] {
  if (action.kind === "resume") {
    return at(sim.runners, action.runner, (runner) =>
      deeds.resume(sim, runner, pickBits(runner.leases(), action.listed), action.credits),
    );
  }
  const connected = connectedRunners(sim);
  return at(connected, action.runner, (runner) => {
    const session = sim.model.sessions.get(runner.sessionId);
    const { handle } = runner.stream;
    switch (action.kind) {
      case "end":
        return deeds.end(sim, runner);
      case "lose":
        return deeds.lose(runner);
      case "drain":
        return deeds.atOnce(runner, "drains", () => {
          handle.drain();
          deeds.seen(sim, runner);
          if (session !== undefined) session.draining = true;
        });
      case "credits":
        return deeds.atOnce(runner, `takes ${action.credits} more`, () => {
          handle.addCredits(action.credits);
          deeds.seen(sim, runner);
          if (session !== undefined) session.credits += action.credits;
        });
      case "read":
        return deeds.atOnce(runner, action.isReading ? "reads" : "does not read", () => {
          runner.stream.isReading = action.isReading;
          if (action.isReading) handle.writable();
        });
      case "hush":
        return deeds.atOnce(runner, action.isSilent ? "is silent" : "speaks", () => {
          runner.isSilent = action.isSilent;
        });
    }
  });
}

function connectedRunners(sim: Simulation): SimulatedRunner[] {
  return sim.runners.filter((runner) => runner.isConnected);
}

function hasParts(result: RandomResult): boolean {
  return result.kind === "computed" && result.parts.length > 0;
}

function at<T>(items: readonly T[], index: number, make: (item: T) => Deed | null): Deed[] {
  const item = items[index % Math.max(items.length, 1)];
  const deed = item === undefined ? null : make(item);
  return deed === null ? [] : [deed];
}

function pickBits<T>(items: readonly T[], bits: number): T[] {
  return items.filter((_, index) => ((bits >> (index % 8)) & 1) === 1);
}

/** Leases of runners without a stream, which a new runner takes along. */
function orphans(sim: Simulation, bits: number): LabeledLease[] {
  const lost = sim.runners.filter((runner) => !runner.isConnected);
  const listed = pickBits(
    lost.flatMap((runner) => runner.leases().map((lease) => ({ runner, lease }))),
    bits,
  );
  for (const { runner, lease } of listed) runner.forgetLease(lease.leaseToken);
  return listed.map(({ lease }) => lease);
}

function forLease(
  sim: Simulation,
  pick: Pick,
  mayComeFromStranger: boolean,
  make: (runner: SimulatedRunner, lease: LabeledLease) => Deed,
): Deed[] {
  const connected = connectedRunners(sim);
  const held = connected.flatMap((runner) => runner.leases());
  return at(pick.among === "live" ? held : sim.allLeases, pick.index, (lease) => {
    const holder = connected.find((runner) => runner.holds(lease.leaseToken));
    // Only a runner that holds an attempt knows of its parts.
    const mayStray = mayComeFromStranger && !sim.model.hasParts(lease.leaseToken);
    const stranger = connected[pick.index % Math.max(connected.length, 1)];
    const speaker = mayStray && (pick.elsewhere || holder === undefined) ? stranger : holder;
    return speaker === undefined ? null : make(speaker, lease);
  });
}

function toOutcome(
  sim: Simulation,
  lease: LabeledLease,
  result: RandomResult,
  isAlone: boolean,
): { readonly outcome: Outcome; readonly parts: readonly SubtaskPart[] } {
  if (result.kind === "failed") return { outcome: failed(lease, result.nonRetryable), parts: [] };
  if (result.kind === "released") return { outcome: released(lease), parts: [] };
  if (result.set === null || sim.model.tasks.size > MOST_TASKS) return { outcome: computed(lease), parts: [] };
  const set = toSet(sim, result.set);
  // Parts take up room in a batch, and a step is to fit into one.
  if (!isAlone || result.parts.length === 0) return { outcome: computed(lease, set), parts: [] };
  const { parts, rest } = split(set, result.parts);
  return {
    outcome: computed(lease, rest, parts.length + result.miscount),
    parts: parts.map((one, number) => part(lease, number, one)),
  };
}

function toSet(sim: Simulation, random: RandomSet): TaskSet {
  const count = random.groups.length;
  const place = (index: number) => (random.isReversed ? count - 1 - index : index);
  const groups = random.groups.map(({ tasks, dependsOn }, index) => ({
    dependsOn: [...Array(index).keys()].filter((other) => ((dependsOn >> (other % 8)) & 1) === 1).map(place),
    tasks: tasks.map((template) => ({
      template: template % random.templates.length,
      input: Buffer.from(sim.nextLabel()),
      display: template % 5 === 0 ? "named" : "",
    })),
  }));
  if (random.mistake === "cycle" && groups[0] !== undefined && groups[0].dependsOn.length === 0) {
    groups[0].dependsOn.push(place(0));
  }
  const templates = random.templates.map((template) => aTemplate({ ...template, display: template.name }));
  if (random.mistake === "cluster") templates.push(aTemplate({ cluster: "nowhere" }));
  if (random.isReversed) groups.reverse();
  return { templates, groups, firstGroup: 0 };
}

/** Cuts the first tasks off into parts of these sizes, through the middle of groups where it falls so. */
function split(set: TaskSet, sizes: readonly number[]): { readonly parts: TaskSet[]; readonly rest: TaskSet | null } {
  const parts: TaskSet[] = [];
  let rest: TaskSet | null = set;
  for (const size of sizes) {
    if (rest === null) break;
    const [first, second] = cut(rest, size);
    parts.push(first);
    rest = second;
  }
  return { parts, rest };
}

function cut(set: TaskSet, size: number): [TaskSet, TaskSet | null] {
  const before: TaskSet["groups"][number][] = [];
  const after: TaskSet["groups"][number][] = [];
  let left = size;
  for (const group of set.groups) {
    const taken = group.tasks.slice(0, left);
    const others = group.tasks.slice(taken.length);
    left -= taken.length;
    if (taken.length > 0) before.push({ dependsOn: group.dependsOn, tasks: taken });
    if (others.length > 0) after.push({ dependsOn: taken.length > 0 ? [] : group.dependsOn, tasks: others });
  }
  const whole = after.length > 0 && before.length + after.length > set.groups.length;
  const firstGroup = set.firstGroup + before.length - (whole ? 1 : 0);
  return [{ ...set, groups: before }, after.length === 0 ? null : { ...set, groups: after, firstGroup }];
}
