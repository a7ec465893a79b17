import { appendFileSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";

/**
 * What the parts of the suite did, as they saw it themselves. Times are milliseconds of the machine's monotonic clock, which is one and the same
 * for all processes.
 */

/** An attempt, as the runner process that executed it wrote it down. */
export type RunnerRecord =
  | {
      readonly at: number;
      readonly kind: "start";
      /** Name of the runner process. */
      readonly runner: string;
      readonly jobId: string;
      readonly taskId: string;
      readonly attempt: number;
      readonly path: string;
      /** Names this execution; never twice the same. */
      readonly run: string;
    }
  | {
      readonly at: number;
      readonly kind: "end";
      readonly runner: string;
      readonly run: string;
      /** What the attempt is about to report. `aborted`: it was told to stop and heeds. */
      readonly result: "computed" | "failed" | "aborted";
    };

/** What a submitter does with a job. */
export type Act = "submit" | "cancel" | "retry";

/** A request of the submitter, or what came of it. */
export interface SubmitterRecord {
  readonly at: number;
  /** The job's key. */
  readonly key: string;
  readonly act: Act;
  /** `lost`: no answer, or one that says that the outcome is not known. */
  readonly step: "sent" | "acknowledged" | "refused" | "lost";
  /** Numbers requests, so that an answer is known to belong to it. */
  readonly request: number;
  /** Which orchestrator was asked. */
  readonly via: string;
  /** Once it is known. */
  readonly jobId?: string;
  /** Code of a refusal or a loss. */
  readonly code?: string;
}

/** A disturbance, as it happened. */
export interface DisturbanceRecord {
  readonly at: number;
  readonly until: number;
  readonly what: string;
  /** Processes and links. */
  readonly parts: readonly string[];
  /** Whether what goes on is held up by it. Otherwise it only breaks off. */
  readonly holdsUp: boolean;
}

/** The machine's monotonic clock, in milliseconds with fractions. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A file of records, one JSON document per line. */
export class HistoryFile<Entry> {
  readonly #descriptor: number;

  constructor(path: string) {
    this.#descriptor = openSync(path, "a");
  }

  /** Has been handed to the system when this returns: it survives the end of the process, however that comes. */
  append(entry: Entry): void {
    writeSync(this.#descriptor, `${JSON.stringify(entry)}\n`);
  }
}

/** Reads whole lines from `offset` on. A line that was not finished is left for the next time. */
export function readHistory<Entry>(path: string, offset = 0): { readonly entries: Entry[]; readonly end: number } {
  if (!existsSync(path)) return { entries: [], end: offset };
  const bytes = readFileSync(path).subarray(offset);
  const end = bytes.lastIndexOf("\n") + 1;
  const lines = bytes.subarray(0, end).toString("utf8").split("\n");
  return { entries: lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Entry), end: offset + end };
}

/** Appends records for people who read the folder later. */
export function appendHistory(path: string, entries: readonly object[]): void {
  appendFileSync(path, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
}
