import { setTimeout as sleep } from "node:timers/promises";
import { Client, isEnded, type Job, type JobUpdate, RootTasks, type SubmitStream, TaskgroveError } from "taskgrove";
import { type Act, monotonicMs, type SubmitterRecord } from "./history.ts";
import type { JobPlan } from "./plan.ts";
import { submitGroups } from "./tasks.ts";

/** What is known of an answer. */
type Answer<T> = { readonly kind: "acknowledged"; readonly value: T } | { readonly kind: "refused" | "lost" };

/** One way to an orchestrator. */
interface Way {
  readonly name: string;
  readonly client: Client;
  readonly stream: SubmitStream;
}

/** An answer that takes longer is given up; when it comes all the same, it is written down. */
const PATIENCE_MS = 3_000;
/** A watch that tells nothing for so long is resumed elsewhere. */
const SILENCE_MS = 2_500;
const PAUSE_MS = 100;
/** These say nothing of what became of the request. */
const UNKNOWN_OUTCOME = new Set(["UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED", "UNKNOWN", "ABORTED", "INTERNAL"]);

/**
 * Submits, cancels, retries and watches jobs through links that are disturbed, and asks again, elsewhere, until it has an answer. It writes down
 * each request and each answer.
 */
export class Submitter {
  readonly #ways: readonly Way[];
  readonly #record: (record: SubmitterRecord) => void;
  readonly #stop: AbortSignal;
  #turn = 0;
  #requests = 0;

  /** Gives up when `stop` aborts. */
  constructor(
    addresses: readonly { readonly name: string; readonly address: string }[],
    record: (record: SubmitterRecord) => void,
    stop: AbortSignal,
  ) {
    this.#ways = addresses.map(({ name, address }) => {
      // It asks again itself, and writes that down.
      const client = new Client({ address, maxOutageMs: 0 });
      return { name, client, stream: client.jobs.submitStream() };
    });
    this.#record = record;
    this.#stop = stop;
  }

  /** Submits a job until it is acknowledged; gives its id, or undefined when it is refused. */
  async submit(plan: JobPlan): Promise<string | undefined> {
    const options = { idempotencyKey: plan.key, priority: plan.priority };
    const answer = await this.#insist("submit", plan.key, async ({ client, stream }) => {
      const tasks = rootTasks(plan);
      if (plan.byStream) return (await stream.submit(plan.key, tasks, options)).jobId;
      return (await client.jobs.submit(plan.key, tasks, options)).id;
    });
    return answer.kind === "acknowledged" ? answer.value : undefined;
  }

  /** Cancels a job, or learns that it is completed. */
  async cancel(key: string, jobId: string): Promise<void> {
    await this.#insist("cancel", key, async ({ client }) => (await client.jobs.cancel(jobId)).id);
  }

  /** Retries a job, or learns that it goes on already. */
  async retry(key: string, jobId: string): Promise<void> {
    await this.#insist("retry", key, async ({ client }) => (await client.jobs.retry(jobId)).job.id);
  }

  /** Watches a job from behind what was seen until it has ended, and hands over each update. */
  async follow(jobId: string, seen: JobUpdate[]): Promise<Job | undefined> {
    while (!this.#stop.aborted) {
      const way = this.#nextWay();
      try {
        await this.#watch(way.client, jobId, seen);
        const job = seen.findLast((update) => update.job !== undefined)?.job;
        if (job !== undefined && isEnded(job.state) && job.taskCounts.running === 0) return job;
      } catch (error) {
        if (!(error instanceof TaskgroveError && UNKNOWN_OUTCOME.has(error.code))) throw error;
      }
      await sleep(PAUSE_MS);
    }
    return undefined;
  }

  close(): void {
    for (const { client } of this.#ways) client.close();
  }

  async #watch(client: Client, jobId: string, seen: JobUpdate[]): Promise<void> {
    const silence = new AbortController();
    const signal = AbortSignal.any([silence.signal, this.#stop]);
    const stopWaiting = () => silence.abort();
    let timer = setTimeout(stopWaiting, SILENCE_MS);
    const resumeToken = seen.at(-1)?.resumeToken;
    try {
      for await (const update of client.jobs.watch(jobId, { signal, ...(resumeToken ? { resumeToken } : {}) })) {
        seen.push(update);
        clearTimeout(timer);
        timer = setTimeout(stopWaiting, SILENCE_MS);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks one orchestrator after the other until the answer is known. */
  async #insist(act: Act, key: string, ask: (way: Way) => Promise<string>): Promise<Answer<string>> {
    while (!this.#stop.aborted) {
      const answer = await Promise.race([this.#ask(act, key, ask), afterPatience()]);
      if (answer.kind !== "lost") return answer;
      await sleep(PAUSE_MS);
    }
    return { kind: "lost" };
  }

  async #ask(act: Act, key: string, ask: (way: Way) => Promise<string>): Promise<Answer<string>> {
    const way = this.#nextWay();
    const request = ++this.#requests;
    const base = { key, act, request, via: way.name };
    this.#record({ ...base, at: monotonicMs(), step: "sent" });
    try {
      const jobId = await ask(way);
      this.#record({ ...base, at: monotonicMs(), step: "acknowledged", jobId });
      return { kind: "acknowledged", value: jobId };
    } catch (error) {
      if (!(error instanceof TaskgroveError)) throw error;
      const step = UNKNOWN_OUTCOME.has(error.code) ? "lost" : "refused";
      const code = error.code === "INTERNAL" ? `${error.code}: ${error.message}` : error.code;
      this.#record({ ...base, at: monotonicMs(), step, code });
      return { kind: step };
    }
  }

  #nextWay(): Way {
    const way = this.#ways[this.#turn++ % this.#ways.length];
    if (way === undefined) throw new Error("there is no orchestrator");
    return way;
  }
}

async function afterPatience(): Promise<Answer<never>> {
  await sleep(PATIENCE_MS, undefined, { ref: false });
  return { kind: "lost" };
}

function rootTasks({ groups }: JobPlan): RootTasks {
  const roots = new RootTasks();
  submitGroups(groups, { path: "", by: "" }, (task, options) => roots.add(task, options));
  return roots;
}
