import type { Job, JobUpdate } from "taskgrove";

/** One way to show a job while it is watched. */
export interface WatchView {
  /** Something changed. */
  update(update: JobUpdate): void;
  /** Time has passed; called about ten times a second. */
  tick(): void;
  /** The job has ended. */
  end(job: Job): void;
  /** Watching stops before the job has ended. Leaves everything clean. */
  stop(): void;
}

/** Where a view writes to. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  readonly writableNeedDrain?: boolean | undefined;
}

/** Milliseconds since the epoch. */
export type Clock = () => number;
