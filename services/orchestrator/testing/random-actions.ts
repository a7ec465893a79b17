import fc from "fast-check";
import type { Progress } from "../domain/records.ts";
import type { TaskTemplate } from "../domain/submission.ts";

/**
 * What a random run consists of. Tasks, runners, leases and jobs are named by numbers that are taken modulo what there is when the step is done, so any
 * list of steps makes sense, and so does any part of it: that lets fast-check make a failure small.
 */

/** Tasks by template; the interpreter gives each an input of its own. */
export interface RandomSet {
  readonly templates: readonly Omit<TaskTemplate, "display">[];
  /** For each group its tasks' templates and which of the groups before it it waits for, as bits. */
  readonly groups: readonly { readonly tasks: readonly number[]; readonly dependsOn: number }[];
  /** Edges point to later groups instead of earlier ones. */
  readonly isReversed: boolean;
  readonly mistake: "none" | "cycle" | "cluster";
}

export type RandomResult =
  | {
      readonly kind: "computed";
      readonly set: RandomSet | null;
      /** Sizes of the parts that come before the outcome, in tasks. */
      readonly parts: readonly number[];
      /** What the outcome says about the number of parts is wrong by this much. */
      readonly miscount: number;
    }
  | { readonly kind: "failed"; readonly nonRetryable: boolean }
  | { readonly kind: "released" };

export type Action =
  | { readonly kind: "stray-part"; readonly lease: Pick; readonly number: number; readonly set: RandomSet }
  | { readonly kind: "report"; readonly lease: Pick; readonly progress: readonly Progress[]; readonly display: string }
  | {
      readonly kind: "outcome";
      readonly lease: Pick;
      readonly result: RandomResult;
      readonly progress: readonly Progress[];
      readonly display: string;
    }
  | { readonly kind: "submit"; readonly set: RandomSet; readonly priority: number }
  | { readonly kind: "cancel"; readonly job: number }
  | { readonly kind: "retry"; readonly job: number }
  | { readonly kind: "end"; readonly runner: number }
  | {
      readonly kind: "open";
      readonly cluster: string;
      readonly identifiers: readonly number[];
      readonly credits: number;
      /** Which leases of lost runners it lists, as bits. */
      readonly listed: number;
    }
  | { readonly kind: "resume"; readonly runner: number; readonly listed: number; readonly credits: number }
  | { readonly kind: "lose"; readonly runner: number }
  | { readonly kind: "drain"; readonly runner: number }
  | { readonly kind: "credits"; readonly runner: number; readonly credits: number }
  | { readonly kind: "read"; readonly runner: number; readonly isReading: boolean }
  | { readonly kind: "hush"; readonly runner: number; readonly isSilent: boolean }
  /** All runners vanish, and others come when the leases have expired. */
  | { readonly kind: "vanish" }
  | { readonly kind: "restart" }
  | { readonly kind: "advance"; readonly steps: number };

/** A lease that the runners know: one that goes on, or any that there ever was; and the runner that speaks of it. */
export interface Pick {
  readonly among: "live" | "all";
  readonly index: number;
  /** The report comes over another runner's stream. */
  readonly elsewhere: boolean;
}

/** Steps that are handed in at once, so that one batch takes them. */
export type Step = readonly Action[];

export const IDENTIFIERS: readonly { readonly name: string; readonly version: string }[] = [
  { name: "A", version: "v1.0" },
  { name: "A", version: "v1.2" },
  { name: "A", version: "v2.0" },
  { name: "B", version: "v1.1" },
];

const anyIndex = fc.nat(999);
const identifier = fc.constantFrom(...IDENTIFIERS);

const template = fc
  .record({
    identifier,
    cluster: fc.constantFrom("", "", "", "east"),
    maxRetries: fc.constantFrom(0, 0, 1, 2),
    initialBackoffMs: fc.constantFrom(0, 0, 200, 900),
    jitter: fc.constantFrom(0, 0.5),
    optional: fc.boolean(),
    priority: fc.constantFrom(null, null, -1, 2),
    attemptTimeoutMs: fc.constantFrom(null, null, null, 700, 2_000),
  })
  .map(({ identifier: { name, version }, maxRetries, initialBackoffMs, jitter, ...rest }) => ({
    name,
    version,
    retry: { maxRetries, initialBackoffMs, multiplier: 3, maxBackoffMs: 1_500, jitter },
    ...rest,
  }));

const set: fc.Arbitrary<RandomSet> = fc.record({
  templates: fc.array(template, { minLength: 1, maxLength: 3 }),
  groups: fc.array(
    fc.record({ tasks: fc.array(anyIndex, { minLength: 1, maxLength: 4 }), dependsOn: fc.constantFrom(0, 1, 2, 3, 7) }),
    { minLength: 1, maxLength: 4 },
  ),
  isReversed: fc.boolean(),
  mistake: fc.constantFrom("none", "none", "none", "none", "none", "none", "none", "cycle", "cluster"),
});

const progress = fc.uniqueArray(
  fc.record({ label: fc.constantFrom("", "a", "b"), total: fc.nat(9), done: fc.nat(9) }),
  { maxLength: 2, selector: (bar) => bar.label },
);
const display = fc.constantFrom("", "", "shown");

const lease: fc.Arbitrary<Pick> = fc.record({
  among: fc.constantFrom("live", "live", "live", "live", "all"),
  index: anyIndex,
  elsewhere: fc.constantFrom(false, false, false, true),
});

const computed = fc.record({
  kind: fc.constant("computed" as const),
  set: fc.option(set, { freq: 3 }),
  parts: fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }) },
  ),
  miscount: fc.constantFrom(0, 0, 0, 0, 0, 0, 1),
});
const result: fc.Arbitrary<RandomResult> = fc.oneof(
  { weight: 6, arbitrary: computed },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("failed" as const), nonRetryable: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ kind: "released" as const }) },
);

function action<K extends Action["kind"]>(
  kind: K,
  fields: { [F in keyof Omit<Extract<Action, { kind: K }>, "kind">]: fc.Arbitrary<Extract<Action, { kind: K }>[F]> },
): fc.Arbitrary<Action> {
  return fc.record({ kind: fc.constant(kind), ...fields }) as unknown as fc.Arbitrary<Action>;
}

const credits = fc.integer({ min: 0, max: 4 });
const identifiers = fc.uniqueArray(fc.nat(IDENTIFIERS.length - 1), { minLength: 1, maxLength: 4 });
const cluster = fc.constantFrom("", "", "", "east");
const listed = fc.nat(255);

const anyAction: fc.Arbitrary<Action> = fc.oneof(
  { weight: 60, arbitrary: action("outcome", { lease, result, progress, display }) },
  { weight: 6, arbitrary: action("submit", { set, priority: fc.integer({ min: -1, max: 1 }) }) },
  { weight: 6, arbitrary: action("open", { cluster, identifiers, credits, listed }) },
  { weight: 8, arbitrary: action("credits", { runner: anyIndex, credits: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 8, arbitrary: action("advance", { steps: fc.integer({ min: 1, max: 14 }) }) },
  { weight: 4, arbitrary: action("lose", { runner: anyIndex }) },
  { weight: 5, arbitrary: action("resume", { runner: anyIndex, listed, credits }) },
  { weight: 3, arbitrary: action("retry", { job: anyIndex }) },
  { weight: 1, arbitrary: action("cancel", { job: anyIndex }) },
  { weight: 4, arbitrary: action("report", { lease, progress, display }) },
  { weight: 2, arbitrary: action("stray-part", { lease, number: fc.nat(2), set }) },
  { weight: 2, arbitrary: action("end", { runner: anyIndex }) },
  { weight: 1, arbitrary: action("drain", { runner: anyIndex }) },
  { weight: 2, arbitrary: action("read", { runner: anyIndex, isReading: fc.boolean() }) },
  { weight: 2, arbitrary: action("hush", { runner: anyIndex, isSilent: fc.boolean() }) },
  { weight: 4, arbitrary: action("vanish", {}) },
  { weight: 1, arbitrary: action("restart", {}) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: anyAction.map((one) => [one]) },
  { weight: 1, arbitrary: fc.array(anyAction, { minLength: 2, maxLength: 3 }) },
);

/** A run: how the engine is set up, how it begins, and what happens then. */
export interface RandomRun {
  readonly sliceSize: number;
  readonly maxBatch: number;
  readonly random: number;
  /** Each step of the store is run twice, as a database that asks for a retry makes it. */
  readonly rerun: boolean;
  /** Whether two engines share the database; each bit says to which of them something is sent. null: there is one. */
  readonly spread: number | null;
  readonly first: RandomSet;
  readonly steps: readonly Step[];
}

/** After so many choices of an engine they begin anew. */
export const SPREAD_BITS = 16;

export const randomRun: fc.Arbitrary<RandomRun> = fc.record({
  sliceSize: fc.constantFrom(3, 1_000),
  maxBatch: fc.constantFrom(3, 500),
  random: fc.constantFrom(0, 0.5, 0.99),
  rerun: fc.constantFrom(false, false, true),
  spread: fc.option(fc.nat(2 ** SPREAD_BITS - 1), { freq: 2 }),
  first: set.map((one) => ({ ...one, mistake: "none" as const })),
  steps: fc.array(step, { minLength: 10, maxLength: 60, size: "max" }),
});
