import { setTimeout as sleep } from "node:timers/promises";
import type { TaskContext } from "../context.ts";
import { Task } from "../task.ts";

/** A binary recursion: halves until nothing is left; each leaf leaves a mark with how often it was computed by whom. */
export class Halve extends Task<{ from: number; to: number; pauseMs: number }> {
  override async execute(context: TaskContext): Promise<void> {
    const { from, to, pauseMs } = this.input;
    if (to - from === 1) {
      await sleep(pauseMs);
      await context.jobCache.group("leaves").set(String(from), context.currentTask.id);
      return;
    }
    const middle = Math.floor((from + to) / 2);
    context.submitSubtasks([new Halve({ from, to: middle, pauseMs }), new Halve({ from: middle, to, pauseMs })]);
  }
}

/** Runs until it is told to stop. */
export class Slow extends Task {
  override async execute({ signal }: TaskContext): Promise<void> {
    await sleep(600_000, undefined, { signal });
  }
}
