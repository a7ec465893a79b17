import fc from "fast-check";
import { expect } from "vitest";
import type { Engine, SessionHello } from "../engine/api.ts";
import { compareState } from "./compare-state.ts";
import { type Deed, heartbeat, lose, reportOutcome, retry } from "./deeds.ts";
import { EngineHarness } from "./engine-harness.ts";
import type { ModelTask } from "./model-tree.ts";
import { planStep } from "./plan-step.ts";
import { type RandomRun, SPREAD_BITS, type Step } from "./random-actions.ts";
import { ReferenceModel } from "./reference-model.ts";
import { rerunningStore } from "./rerunning-store.ts";
import { NEGLECT_MS } from "./shared-database.ts";
import { type LabeledLease, parsedIdentifiers, type SimulatedRunner } from "./simulated-runner.ts";
import { computed, type Grant, type TestRunner } from "./test-runner.ts";

const LEASE_MS = 3_000;
/** Below the engine's beat, so that it never thinks that it stood still. */
const STEP_MS = 250;
const CLUSTERS = ["default", "east"];
const MOST_ROUNDS_TO_DRAIN = 400;
const MOST_RETRIES = 3;

/**
 * Runs the engine and the reference model side by side and compares them after each step. Where two engines share the database, each thing is
 * sent to one of them alone, since nobody could say in which order two did what they were asked for at the same time.
 */
export class Simulation implements AsyncDisposable {
  /** The first engine, for all that does not depend on which one is asked. */
  readonly harness: EngineHarness;
  readonly model: ReferenceModel;
  readonly runners: SimulatedRunner[] = [];
  /** What was done, for people who read a failure: each step as a list. */
  readonly history: string[][] = [];
  /** Every lease that there ever was. */
  readonly allLeases: LabeledLease[] = [];
  readonly #run: RandomRun;
  readonly #engines: readonly EngineHarness[];
  /** The engine at which each stream ends. */
  readonly #homes = new WeakMap<TestRunner, EngineHarness>();
  #choices = 0;
  #startedAt: number;
  #labels = 0;
  /** Streams that were there when the step began. */
  #connected: ReadonlySet<TestRunner> = new Set();

  private constructor(harness: EngineHarness, others: readonly EngineHarness[], run: RandomRun) {
    this.harness = harness;
    this.#engines = [harness, ...others];
    this.#run = run;
    this.#startedAt = harness.clock.now();
    const { maxCrashes } = harness.settings;
    this.model = new ReferenceModel({ clusters: CLUSTERS, maxCrashes, random: run.random });
    this.model.now = this.#startedAt;
  }

  static async start(run: RandomRun): Promise<Simulation> {
    const { sliceSize, maxBatch, random } = run;
    const settings = { leaseDurationMs: LEASE_MS, heartbeatIntervalMs: 1_000, sliceSize, maxBatch, maxCrashes: 2 };
    const wrapStore = run.rerun ? { wrapStore: rerunningStore } : {};
    const queues = CLUSTERS.flatMap((cluster) =>
      parsedIdentifiers([0, 1, 2, 3]).map((queue) => ({ cluster, ...queue })),
    );
    const options = { settings, random, queues, ...wrapStore };
    const isShared = run.spread !== null;
    const harness = await (isShared ? EngineHarness.startShared(options) : EngineHarness.start(options));
    await harness.engine.createCluster({ slug: "east", displayName: "East", description: "" });
    const simulation = new Simulation(harness, isShared ? [await harness.beside({ idsOf: harness })] : [], run);
    await simulation.#openForEverything(4);
    await simulation.perform([{ kind: "submit", set: run.first, priority: 0 }]);
    return simulation;
  }

  get now(): number {
    return this.harness.clock.now();
  }

  get isShared(): boolean {
    return this.#engines.length > 1;
  }

  /** Whichever engine's turn it is. */
  anyEngine(): Engine {
    return this.#anyHarness().engine;
  }

  /** Connects a stream to whichever engine's turn it is. */
  async connect(stream: TestRunner, hello: Partial<SessionHello>): Promise<void> {
    const home = this.#anyHarness();
    this.#homes.set(stream, home);
    await stream.connect(home.engine, hello);
  }

  #anyHarness(): EngineHarness {
    const bit = ((this.#run.spread ?? 0) >> (this.#choices++ % SPREAD_BITS)) & 1;
    return this.#engines[bit] ?? this.harness;
  }

  /** An input that no other task has. */
  nextLabel(): string {
    this.#labels++;
    return `t${this.#labels}`;
  }

  async perform(step: Step): Promise<void> {
    if (!this.isShared) return this.#performTogether(step);
    for (const action of step) await this.#performTogether([action]);
  }

  async #performTogether(step: Step): Promise<void> {
    const { deeds, steps, restarts } = planStep(this, step);
    await this.performAtOnce(deeds, steps > 0, restarts);
    for (let more = 1; more < steps; more++) await this.performAtOnce([], true, false);
    if (!step.some((action) => action.kind === "vanish")) return;
    for (let ticks = 0; ticks <= (LEASE_MS + NEGLECT_MS) / STEP_MS; ticks++) await this.performAtOnce([], true, false);
    await this.#openForEverything(4);
  }

  /** A runner in each cluster for all that there is. */
  async #openForEverything(credits: number): Promise<void> {
    for (const cluster of CLUSTERS) {
      await this.perform([{ kind: "open", cluster, identifiers: [1, 2, 3], credits, listed: 0 }]);
    }
  }

  /** Everything is handed in before the engine gets a turn, so one batch takes it. */
  async performAtOnce(deeds: readonly Deed[], timePasses: boolean, restarts: boolean): Promise<void> {
    this.history.push([
      ...deeds.map((deed) => deed.name),
      ...(timePasses ? ["tick"] : []),
      ...(restarts ? ["restart"] : []),
    ]);
    this.#connected = new Set(this.runners.filter((runner) => runner.isConnected).map((runner) => runner.stream));
    const answers = deeds.map((deed) => deed.handIn());
    if (timePasses) {
      for (const runner of this.runners) heartbeat(this, runner);
      this.harness.clock.advance(STEP_MS);
    }
    const restarted = restarts ? this.#anyHarness() : null;
    if (restarted !== null) await restarted.engine.stop();
    else await this.harness.settle();
    await Promise.all(answers);
    this.model.now = this.now;
    for (const deed of deeds) deed.apply();
    if (restarted !== null) await this.#restart(restarted);
    await this.#applyTime();
    this.#applyGrants();
    await compareState(this);
    this.#checkNothingWaits();
  }

  async #restart(harness: EngineHarness): Promise<void> {
    for (const runner of this.runners) if (this.#homes.get(runner.stream) === harness) runner.loseStream();
    await harness.restart();
    this.#startedAt = this.now;
  }

  /** Expired sessions are learned from the engine, and checked against what may and must expire. */
  async #applyTime(): Promise<void> {
    const { items } = await this.harness.engine.reads.listSessions(null, { limit: 1_000, after: null });
    const stored = new Set(items.map(({ session }) => session.id));
    const known = [...this.model.sessions.values()];
    expect([...stored].filter((id) => !this.model.sessions.has(id))).toEqual([]);
    const failedBefore = this.#failedTasks();
    let ended = 0;
    for (const { id, lastSeen } of known) {
      const silence = this.now - lastSeen;
      if (stored.has(id)) {
        const late = 2 * STEP_MS + (this.isShared ? NEGLECT_MS : 0);
        expect(this.now - Math.max(lastSeen, this.#startedAt)).toBeLessThanOrEqual(LEASE_MS + late);
        continue;
      }
      expect(silence).toBeGreaterThanOrEqual(LEASE_MS);
      // Engines beside each other: one may end the attempt for its time before the other gives the session up, or not.
      fc.pre(!this.isShared || !this.model.holdsOverdue(id));
      this.model.expire(id);
      ended++;
      for (const runner of this.runners) if (runner.sessionId === id) runner.loseStream();
    }
    const timedOut = this.model.timeOut();
    // The engine ends no more of them in one batch, and may grant some again before it finds that another one fails their branch or their job.
    fc.pre(timedOut.length < this.#run.sliceSize || timedOut.every(({ task }) => task.own === "waiting"));
    // Engines beside each other end each their own, and one may grant something before the other finds what fails its branch or its job.
    fc.pre(!this.isShared || ended + timedOut.length < 2 || this.#failedTasks() === failedBefore);
    for (const { session, lease } of timedOut) this.#expectRevoked(session, lease);
    this.model.settle();
  }

  /** How many tasks have failed for good. */
  #failedTasks(): number {
    return [...this.model.tasks.values()].filter(({ own }) => own === "failed" || own === "tolerated").length;
  }

  #expectRevoked(sessionId: string | null, lease: string | null): void {
    // Another engine may have ended the attempt: then the runner is told when it reports.
    if (this.isShared) return;
    const runner = this.runners.find((one) => one.sessionId === sessionId && one.isConnected);
    // A stream that was opened by the same batch is told when it reports.
    if (runner === undefined || !this.#connected.has(runner.stream)) return;
    expect(runner.stream.revoked).toContainEqual(
      expect.objectContaining({ leaseToken: lease, reason: "ATTEMPT_TIMEOUT" }),
    );
  }

  #applyGrants(): void {
    const granted: { readonly task: ModelTask; readonly runner: SimulatedRunner }[] = [];
    for (const runner of this.runners) {
      for (const frame of runner.takeFrames()) {
        const tasks = frame.map((grant) => this.model.task(grant.label));
        if (this.isOrdered) expect(tasks).toEqual([...tasks].sort(byClaimOrder));
        for (const grant of frame) granted.push({ task: this.#applyGrant(runner, grant), runner });
      }
    }
    if (!this.isOrdered) return;
    const left = this.model.claimable();
    for (const { task, runner } of granted) {
      const first = left.find((other) => runner.canRun(other));
      if (first !== undefined) expect(byClaimOrder(task, first)).toBeLessThan(0);
    }
  }

  #applyGrant(runner: SimulatedRunner, grant: Grant): ModelTask {
    const { label, taskId, leaseToken } = grant;
    const task = this.model.task(label);
    this.#checkGrant(task, runner);
    this.history.at(-1)?.push(`=> ${label} to ${runner.name}`);
    this.model.grant(label, leaseToken, runner.sessionId);
    runner.addLease(label, grant, this.model.sessions.get(runner.sessionId));
    this.allLeases.push({ label, taskId, leaseToken });
    const { attempt, failures, display, cluster } = task;
    expect(grant).toMatchObject({ attempt, failures, display, cluster });
    return task;
  }

  /** Background work in small slices makes tasks claimable bit by bit, in no order that a user could see. */
  get isOrdered(): boolean {
    return this.#run.sliceSize > 3;
  }

  #checkGrant(task: ModelTask, runner: SimulatedRunner): void {
    const session = this.model.sessions.get(runner.sessionId);
    expect(this.model.claimable(), `${task.label} was not to be granted`).toContain(task);
    expect(runner.canRun(task)).toBe(true);
    expect(session).toMatchObject({ draining: false });
    expect(session?.credits, "no credit").toBeGreaterThan(0);
  }

  /** Whatever could be granted has been. */
  #checkNothingWaits(): void {
    for (const runner of this.runners) {
      const session = this.model.sessions.get(runner.sessionId);
      if (session === undefined || !runner.isConnected) continue;
      expect(runner.stream.closed).toBeNull();
      expect(runner.stream.handle.pending()).toBe(0);
      if (session.credits === 0 || session.draining || !runner.stream.isReading) continue;
      expect(
        this.model
          .claimable()
          .filter((task) => runner.canRun(task))
          .map((task) => task.label),
      ).toEqual([]);
    }
  }

  /** Lets every job end: runners for everything, which compute all that they are given. */
  async drain(): Promise<void> {
    await this.performAtOnce(this.runners.filter((one) => one.isConnected).map(lose), false, false);
    await this.#openForEverything(99);
    await this.#finish();
  }

  /** Lets the jobs that were halted go on, and end. What old runners still held may be lost meanwhile and fail a job again. */
  async retryAll(): Promise<void> {
    for (let round = 0; round < MOST_RETRIES; round++) {
      for (const job of this.model.jobs.values()) {
        if (job.status !== "COMPLETED") await this.performAtOnce([retry(this, job.id)], false, false);
      }
      await this.#finish();
    }
  }

  async #finish(): Promise<void> {
    const finishers = this.runners.slice(-CLUSTERS.length);
    for (let round = 0; this.#isAnyOpen(); round++) {
      if (round === MOST_ROUNDS_TO_DRAIN) throw new Error("a job does not end");
      const deeds = finishers.flatMap((runner) =>
        runner.leases().map((lease) => reportOutcome(this, runner, lease.label, computed(lease))),
      );
      // One at a time: a batch may be smaller than what the runners hold.
      for (const deed of deeds) await this.performAtOnce([deed], false, false);
      if (deeds.length === 0) await this.performAtOnce([], true, false);
    }
  }

  #isAnyOpen(): boolean {
    return [...this.model.jobs.values()].some((job) => job.status === "OPEN");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const harness of this.#engines.toReversed()) await harness[Symbol.asyncDispose]();
  }
}

function byClaimOrder(a: ModelTask, b: ModelTask): number {
  return b.priority - a.priority || a.job.order - b.job.order || b.depth - a.depth || a.order - b.order;
}
