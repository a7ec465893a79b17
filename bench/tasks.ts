import { Task, type TaskContext } from "taskgrove";

/** Does nothing. */
export class Noop extends Task<{ index: number }> {
  override execute(): void {}
}

/** Submits as many tasks that do nothing. */
export class FanOut extends Task<{ count: number }> {
  override execute(context: TaskContext): void {
    context.submitSubtasks(noops(this.input.count));
  }
}

/** Submits as many tasks that do nothing, and one that depends on all of them. */
export class MapReduce extends Task<{ count: number }> {
  override execute(context: TaskContext): void {
    const children = context.submitSubtasks(noops(this.input.count));
    context.submitSubtask(new Noop({ index: this.input.count }), { dependsOn: children });
  }
}

/** Submits as many tasks that do nothing, each of which depends on the one before. */
export class Chain extends Task<{ length: number }> {
  override execute(context: TaskContext): void {
    const [first, ...rest] = noops(this.input.length);
    if (first === undefined) return;
    let last = context.submitSubtask(first);
    for (const task of rest) last = context.submitSubtask(task, { dependsOn: last });
  }
}

/** A binary tree with as many levels; with `join` each task that splits also submits one that depends on both halves. */
export class Split extends Task<{ levels: number; join: boolean }> {
  override execute(context: TaskContext): void {
    const { levels, join } = this.input;
    if (levels <= 1) return;
    const halves = context.submitSubtasks([
      new Split({ levels: levels - 1, join }),
      new Split({ levels: levels - 1, join }),
    ]);
    if (join) context.submitSubtask(new Noop({ index: levels }), { dependsOn: halves });
  }
}

/** Tasks that do nothing. */
export function noops(count: number): Noop[] {
  return Array.from({ length: count }, (_, index) => new Noop({ index }));
}

/** All that the runner processes execute. */
export const BENCH_TASKS = [Noop, FanOut, MapReduce, Chain, Split] as const;
