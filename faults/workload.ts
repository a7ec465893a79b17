import { setTimeout as sleep } from "node:timers/promises";
import type { JobUpdate } from "taskgrove";
import { type JobPlan, planJob } from "./plan.ts";
import type { Submitter } from "./submitter.ts";

/** What a workload is made of. */
export interface WorkloadOptions {
  readonly seed: number;
  readonly round: number;
  /** Jobs that go on at the same time. */
  readonly window: number;
  readonly submitter: Submitter;
}

/** The jobs of one round, each accompanied from its submission to its end. */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #lives = new Set<Promise<void>>();
  #number = 0;
  #isOver = false;
  /** By key: all that were to be submitted. */
  readonly plans = new Map<string, JobPlan>();
  /** By key: what watches told. */
  readonly live = new Map<string, JobUpdate[]>();
  readonly #failed = Promise.withResolvers<never>();

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#failed.promise.catch(() => {});
  }

  /** Jobs that have not ended. */
  get open(): number {
    return this.#lives.size;
  }

  /** Rejects when accompanying a job failed in a way that is no fault of the system; never resolves. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Begins with as many jobs as may go on at the same time; each that ends is followed by a new one. */
  start(): void {
    for (let index = 0; index < this.#options.window; index++) this.#next();
  }

  /** Begins no more jobs; resolves when all have ended. */
  async finish(): Promise<void> {
    this.#isOver = true;
    while (this.#lives.size > 0) await Promise.race([...this.#lives, this.failed]);
  }

  #next(): void {
    if (this.#isOver) return;
    const { seed, round } = this.#options;
    const plan = planJob(seed, round, this.#number++);
    this.plans.set(plan.key, plan);
    const life = this.#accompany(plan).then(
      () => {
        this.#lives.delete(life);
        this.#next();
      },
      (error: unknown) => this.#failed.reject(error),
    );
    this.#lives.add(life);
  }

  async #accompany(plan: JobPlan): Promise<void> {
    const { submitter } = this.#options;
    const { key, cancelAfterMs } = plan;
    const jobId = await submitter.submit(plan);
    if (jobId === undefined) return;
    const seen: JobUpdate[] = [];
    this.live.set(key, seen);
    const ended = submitter.follow(jobId, seen);
    if (cancelAfterMs !== undefined) {
      const isEarly = await Promise.race([ended.then(() => false), sleep(cancelAfterMs, true)]);
      if (isEarly) await submitter.cancel(key, jobId);
    }
    let job = await ended;
    for (let retries = 0; retries < plan.retries && job !== undefined && job.state !== "COMPLETED"; retries++) {
      await submitter.retry(key, jobId);
      job = await submitter.follow(jobId, seen);
    }
  }
}
