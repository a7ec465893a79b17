import { BytesTask, Task, type TaskContext } from "taskgrove";

/** Does nothing: what is measured is everything around it. */
export class Nothing extends Task {
  execute(): void {}
}

/** Fans out to so many tasks, with or without one that waits for all of them. */
export class FanOut extends Task<{ children: number; join: boolean }> {
  execute(context: TaskContext): void {
    const children = context.submitSubtasks(Array.from({ length: this.input.children }, () => new Nothing()));
    if (this.input.join) context.submitSubtask(new Nothing(), { dependsOn: children });
  }
}

/** Halves until nothing is left: a binary tree of 2^(depth + 1) − 1 tasks, with or without a join below each inner one. */
export class Halve extends Task<{ depth: number; join: boolean }> {
  execute(context: TaskContext): void {
    const { depth, join } = this.input;
    if (depth === 0) return;
    const halves = context.submitSubtasks([
      new Halve({ depth: depth - 1, join }),
      new Halve({ depth: depth - 1, join }),
    ]);
    if (join) context.submitSubtask(new Nothing(), { dependsOn: halves });
  }
}

/** Tasks that each wait for the one before. */
export class Chain extends Task<{ length: number }> {
  execute(context: TaskContext): void {
    let last = context.submitSubtask(new Nothing());
    for (let index = 1; index < this.input.length; index++) {
      last = context.submitSubtask(new Nothing(), { dependsOn: last });
    }
  }
}

/** Work that nobody here executes: a backlog. */
export class Waiting extends BytesTask {
  execute(): void {}
}
