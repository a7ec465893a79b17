import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Task, type TaskContext } from "taskgrove";

let file: string | undefined;

/** From now on each execution in this process is a line in this file: the id of the task, and the attempt. */
export function writeDownIn(executions: string): void {
  file = executions;
}

function writeDown({ currentTask }: TaskContext): void {
  if (file !== undefined) appendFileSync(file, `${currentTask.id} ${currentTask.attempt}\n`);
}

/** One of many. */
export class Leaf extends Task<{ pauseMs: number }> {
  async execute(context: TaskContext): Promise<void> {
    writeDown(context);
    if (this.input.pauseMs > 0) await sleep(this.input.pauseMs);
  }
}

/** Waits for all the others. */
export class Join extends Task {
  execute(context: TaskContext): void {
    writeDown(context);
  }
}

/** Submits so many leaves and a join that depends on all of them. */
export class FanOut extends Task<{ leaves: number; pauseMs: number }> {
  execute(context: TaskContext): void {
    writeDown(context);
    const { leaves, pauseMs } = this.input;
    const handles = context.submitSubtasks(Array.from({ length: leaves }, () => new Leaf({ pauseMs })));
    context.submitSubtask(new Join(), { dependsOn: handles });
  }
}
