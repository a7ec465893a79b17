import { type Random, seededRandom } from "./random.ts";

/** What one task is to do. It travels in the task's input, and the checker holds what happened against it. */
export interface StepPlan {
  /** How long it takes, in milliseconds. */
  readonly ms: number;
  /** Progress that it reports, under its label. */
  readonly units?: number;
  readonly label?: string;
  /** Attempts up to this number fail. */
  readonly failures?: number;
  /** How they fail. Default: with an error that is retried. `fatal`: not retried. `stall`: longer than the attempt timeout. */
  readonly failsBy?: "fatal" | "stall";
  readonly maxRetries?: number;
  readonly backoffMs?: number;
  readonly optional?: boolean;
  readonly priority?: number;
  /** It goes on when it is told to stop. */
  readonly stubborn?: boolean;
  /** What it submits. */
  readonly groups?: readonly StepGroup[];
}

/** Tasks that share their dependencies, which are indices of groups before. */
export interface StepGroup {
  readonly dependsOn: readonly number[];
  readonly steps: readonly StepPlan[];
}

/** One job, and what its submitter does with it. */
export interface JobPlan {
  /** Name and idempotency key. */
  readonly key: string;
  readonly shape: Shape;
  readonly priority: number;
  readonly groups: readonly StepGroup[];
  /** Submitted over a stream, not by a call of its own. */
  readonly byStream: boolean;
  /** So long after it was acknowledged it is canceled. */
  readonly cancelAfterMs: number | undefined;
  /** How often the submitter retries it when it has failed or was canceled. */
  readonly retries: number;
}

/** What kind of job it is. */
export type Shape = (typeof SHAPES)[number];

const SHAPES = [
  "fan-out",
  "chain",
  "recursion",
  "graph",
  "flaky",
  "optional",
  "doomed",
  "single",
  "wide",
  "large",
] as const;

/** Longer than any attempt timeout that is used here. */
export const STALL_TIMEOUT_MS = 400;
/** More failures than there will ever be attempts. */
export const ALWAYS = 1_000_000;

/** The job of this number in this round. */
export function planJob(seed: number, round: number, number: number): JobPlan {
  const random = seededRandom(seed, `round ${round} job ${number}`);
  const shape = number % 40 === 39 ? "large" : random.pick(SHAPES.slice(0, -1));
  const isCanceled = random.chance(shape === "wide" ? 0.7 : 0.15);
  return {
    key: jobKey(round, number),
    shape,
    priority: random.chance(0.2) ? random.between(-2, 2) : 0,
    groups: makers[shape as Shape](random),
    byStream: random.chance(0.4),
    cancelAfterMs: isCanceled ? random.between(0, shape === "wide" ? 600 : 2_500) : undefined,
    retries: shape === "doomed" ? random.between(0, 3) : isCanceled ? random.between(0, 2) : 0,
  };
}

/** The name of a job. No key is the beginning of another one. */
export function jobKey(round: number, number: number): string {
  return `round-${round}-job-${number}.`;
}

const makers: Readonly<Record<Shape, (random: Random) => readonly StepGroup[]>> = {
  "fan-out": (random) => [group([], fanOut(random, random.between(3, 25)))],
  chain: (random) => [group([], { ...leaf(random), groups: chain(random, random.between(2, 6)) })],
  recursion: (random) => [group([], split(random, random.between(2, 4)))],
  graph: (random) => [group([], { ...leaf(random), groups: graph(random, random.between(3, 7)) })],
  flaky: (random) => [
    group([], { ...flaky(random), groups: [group([], ...many(random.between(2, 8), () => flaky(random)))] }),
  ],
  optional: (random) => [
    group([], leaf(random), branchThatFails(random), branchThatFails(random)),
    group([0], leaf(random)),
  ],
  doomed: (random) => [group([], fanOut(random, 3), doomed(random)), group([0], leaf(random), fanOut(random, 2))],
  single: (random) => [group([], leaf(random))],
  // More than runners take at once, so that much is still queued when the job is canceled.
  wide: (random) => [group([], ...many(random.between(30, 80), () => ({ ms: random.between(10, 100) })), leaf(random))],
  large: (random) => [group([], fanOut(random, 300))],
};

function group(dependsOn: readonly number[], ...steps: readonly StepPlan[]): StepGroup {
  return { dependsOn, steps };
}

function many<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}

/** Most tasks are short; some take longer than a lease. */
function duration(random: Random): number {
  const kind = random.next();
  if (kind < 0.5) return random.between(0, 20);
  return kind < 0.94 ? random.between(20, 300) : random.between(1_000, 3_500);
}

function leaf(random: Random): StepPlan {
  return {
    ms: duration(random),
    ...(random.chance(0.5) ? { units: random.between(1, 9), label: random.pick(["tiles", "rows", "files"]) } : {}),
    ...(random.chance(0.1) ? { stubborn: true } : {}),
    ...(random.chance(0.1) ? { priority: random.between(-3, 3) } : {}),
  };
}

/** Fails a few times, with enough retries. */
function flaky(random: Random): StepPlan {
  if (random.chance(0.3)) return leaf(random);
  const isSlow = random.chance(0.2);
  return {
    ...leaf(random),
    failures: random.between(1, 3),
    // A standstill makes attempts with a timeout fail more often than planned.
    maxRetries: isSlow ? 1_000 : 4,
    ...(isSlow ? { failsBy: "stall" as const, ms: 5 } : {}),
    ...(random.chance(0.5) ? { backoffMs: random.between(10, 400) } : {}),
  };
}

function doomed(random: Random): StepPlan {
  const failures = random.chance(0.3) ? ALWAYS : random.between(1, 3);
  return { ...leaf(random), failures, ...(random.chance(0.5) ? { failsBy: "fatal" as const, maxRetries: 5 } : {}) };
}

function fanOut(random: Random, leaves: number): StepPlan {
  return {
    ...leaf(random),
    groups: [group([], ...many(leaves, () => (leaves > 100 ? { ms: 0 } : leaf(random)))), group([0], leaf(random))],
  };
}

function chain(random: Random, length: number): StepGroup[] {
  return Array.from({ length }, (_, index) => group(index === 0 ? [] : [index - 1], leaf(random)));
}

/** Groups that depend on any of those before. */
function graph(random: Random, groups: number): StepGroup[] {
  return Array.from({ length: groups }, (_, index) => {
    const before = Array.from({ length: index }, (_, earlier) => earlier).filter(() => random.chance(0.4));
    return group(before, ...many(random.between(1, 3), () => (random.chance(0.2) ? split(random, 2) : leaf(random))));
  });
}

/** Halves that split again, and a join behind them. */
function split(random: Random, levels: number): StepPlan {
  if (levels <= 1) return random.chance(0.15) ? flaky(random) : leaf(random);
  return {
    ...leaf(random),
    groups: [group([], split(random, levels - 1), split(random, levels - 1)), group([0], leaf(random))],
  };
}

/** An optional task below which something fails for good while other things of it run or wait. */
function branchThatFails(random: Random): StepPlan {
  if (random.chance(0.2)) return { ...leaf(random), optional: true, failures: ALWAYS };
  const failing: StepPlan = { ...leaf(random), failures: ALWAYS, maxRetries: random.between(0, 2) };
  const inner: StepPlan = random.chance(0.3) ? { ...fanOut(random, 2), optional: true } : fanOut(random, 4);
  return {
    ...leaf(random),
    optional: true,
    groups: [group([], inner, random.chance(0.7) ? failing : leaf(random), split(random, 2)), group([0], leaf(random))],
  };
}
