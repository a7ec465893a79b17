import type { Job, JobUpdate } from "taskgrove";

/** Where a view is drawn. */
export type Screen = Pick<NodeJS.WriteStream, "write"> & { readonly isTTY?: boolean };

/** Draws a job while it runs. */
export interface LiveView {
  /** Takes in changes, and draws when it is time to. */
  update(update: JobUpdate): void;
  /** Writes a line above the drawing, to stay. */
  note(text: string): void;
  /** Draws the last state. */
  end(): void;
}

const BAR_WIDTH = 40;

/** At most so many drawings a second, on a terminal. */
const REDRAW_MS = 100;

/** Elsewhere, one line for each such part of the tasks. */
const PLAIN_STEP = 0.1;

/** A view that redraws itself on a terminal, and writes a line for every tenth elsewhere. */
export function createLiveView(screen: Screen): LiveView {
  return screen.isTTY ? createTerminalView(screen) : createPlainView(screen);
}

function createTerminalView(screen: Screen): LiveView {
  let job: Job | undefined;
  let drawnLines = 0;
  let drawnAt = Number.NEGATIVE_INFINITY;
  const clear = () => {
    if (drawnLines > 0) screen.write(`\u001b[${drawnLines}A\u001b[J`);
    drawnLines = 0;
  };
  const draw = () => {
    const lines = job === undefined ? [] : describe(job);
    clear();
    screen.write(lines.map((line) => `${line}\n`).join(""));
    drawnLines = lines.length;
    drawnAt = performance.now();
  };
  return {
    update: (update) => {
      job = update.job ?? job;
      if (performance.now() - drawnAt >= REDRAW_MS) draw();
    },
    note: (text) => {
      clear();
      screen.write(`${text}\n`);
      draw();
    },
    end: draw,
  };
}

function createPlainView(screen: Screen): LiveView {
  let job: Job | undefined;
  let next = 0;
  const draw = () => {
    if (job !== undefined) screen.write(`${describe(job).join("; ")}\n`);
  };
  return {
    update: (update) => {
      job = update.job ?? job;
      const done = job === undefined ? 0 : shareDone(job);
      if (done < next) return;
      draw();
      next = Math.floor(done / PLAIN_STEP) * PLAIN_STEP + PLAIN_STEP;
    },
    note: (text) => {
      screen.write(`${text}\n`);
    },
    end: draw,
  };
}

function shareDone({ progress }: Job): number {
  const total = progress.reduce((sum, bar) => sum + bar.total, 0);
  return total === 0 ? 0 : progress.reduce((sum, bar) => sum + bar.done, 0) / total;
}

function describe({ name, state, taskCounts: counts, progress }: Job): string[] {
  const done = counts.completed + counts.failedOptional + counts.skipped;
  return [
    `${name}: ${state}, ${counts.queued} queued, ${counts.running} running, ${counts.computed} computed, ${done} done`,
    ...progress.map(
      ({ label, done, total }) => `${label.padEnd(8)}${drawBar(total === 0 ? 0 : done / total)} ${done} of ${total}`,
    ),
  ];
}

function drawBar(share: number): string {
  const full = Math.round(Math.min(share, 1) * BAR_WIDTH);
  return "█".repeat(full) + "░".repeat(BAR_WIDTH - full);
}
