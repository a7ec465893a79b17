import { Task, type TaskContext } from "taskgrove";

/** One of many. */
export class Leaf extends Task {
  execute(): void {}
}

/** Waits for all the others. */
export class Join extends Task {
  execute(): void {}
}

/** Submits so many leaves and a join that depends on all of them. */
export class FanOut extends Task<{ leaves: number }> {
  execute(context: TaskContext): void {
    const leaves = context.submitSubtasks(Array.from({ length: this.input.leaves }, () => new Leaf()));
    context.submitSubtask(new Join(), { dependsOn: leaves });
  }
}
