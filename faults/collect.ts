import { isDeepStrictEqual } from "node:util";
import { Client, type Job, type JobTask, type JobUpdate } from "taskgrove";
import type { LogEntry, ResumedWatch, StoredJob, StoredSession, StoredTask } from "./evidence.ts";
import { jobKey } from "./plan.ts";
import type { StepInput } from "./steps.ts";

/** Reads what the orchestrators say at the end of a round, past all links. */
export class Collector implements Disposable {
  readonly #clients: readonly Client[];
  #turn = 0;

  constructor(addresses: readonly string[]) {
    this.#clients = addresses.map((address) => new Client({ address }));
  }

  /** All jobs of a round, with tasks and logs. `onJob` is called after each. */
  async jobs(
    round: number,
    live: ReadonlyMap<string, readonly JobUpdate[]>,
    onJob: (done: number, all: number) => void,
  ): Promise<StoredJob[]> {
    const prefix = jobKey(round, 0).slice(0, -"0.".length);
    const jobs = await Array.fromAsync(this.#client.jobs.list({ nameContains: prefix }));
    const stored: StoredJob[] = [];
    for (const job of jobs) {
      stored.push(await this.#job(job, live.get(job.name) ?? []));
      onJob(stored.length, jobs.length);
    }
    return stored;
  }

  async sessions(): Promise<StoredSession[]> {
    const runners = await Array.fromAsync(this.#client.runners.list());
    return runners.map(({ sessionId, name, running }) => ({ id: sessionId, runner: name, running }));
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.close();
  }

  /** One after the other: they are equal. */
  get #client(): Client {
    const client = this.#clients[this.#turn++ % this.#clients.length];
    if (client === undefined) throw new Error("no orchestrator serves");
    return client;
  }

  /** All of it from one moment: an outcome of a lost lease may still come while it is read. */
  async #job(job: Job, live: readonly JobUpdate[]): Promise<StoredJob> {
    for (let reads = 1; ; reads++) {
      const before = await this.#client.jobs.get(job.id);
      const stored = await this.#read(before, live);
      const after = await this.#client.jobs.get(job.id);
      if (reads === MAX_READS || isDeepStrictEqual(before, after)) return stored;
    }
  }

  async #read(job: Job, live: readonly JobUpdate[]): Promise<StoredJob> {
    const client = this.#client;
    const { id, name, state, failedTaskId, taskCounts: counts, progress } = job;
    const tasks = await Array.fromAsync(client.jobs.tasks(id, { includeInput: true }));
    const log = await readLog(client, id);
    const resumed: ResumedWatch[] = [];
    for (const behind of new Set([Math.floor(live.length / 2), live.length])) {
      const token = live[behind - 1]?.resumeToken;
      if (token !== undefined) resumed.push({ behind, entries: await readLog(this.#client, id, token) });
    }
    const base = { id, name, state, failedTaskId, counts, progress, log, resumed };
    return { ...base, tasks: tasks.map(toStoredTask), live: live.map(toLogEntry) };
  }
}

const MAX_READS = 3;

/** A job that has not ended is a violation, not a reason to wait: its log is read as far as it goes. */
const LOG_SILENCE_MS = 2_000;

async function readLog(client: Client, jobId: string, resumeToken = ""): Promise<LogEntry[]> {
  const log: LogEntry[] = [];
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), LOG_SILENCE_MS);
  try {
    for await (const update of client.jobs.watch(jobId, { resumeToken, signal: silence.signal })) {
      log.push(toLogEntry(update));
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), LOG_SILENCE_MS);
    }
  } catch (error) {
    if (!silence.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
  return log;
}

function toLogEntry({ tasks, job }: JobUpdate): LogEntry {
  return {
    tasks: tasks.map(({ taskId, state, attempt, error }) => ({ taskId, state, attempt, failure: error?.reason })),
    job: job && { state: job.state, counts: job.taskCounts, failedTaskId: job.failedTaskId },
  };
}

function toStoredTask(task: JobTask): StoredTask {
  const { id, parentId, state, attempt, failures, maxRetries, display, progress, sessionId } = task;
  const input = JSON.parse(Buffer.from(task.input ?? []).toString("utf8")) as StepInput;
  const base = { id, parentId, state, attempt, failures, maxRetries, display, progress, sessionId };
  return { ...base, path: input.path, by: input.by };
}
