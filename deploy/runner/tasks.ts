import { Task, type TaskContext } from "taskgrove";

/** How many numbers one task looks at. */
const SEGMENT = 250_000;

/** Counts the primes below a number: each segment of the numbers in a subtask of its own, and then the sum. */
export class CountPrimes extends Task<{ below: number }> {
  static readonly identifier = ["example.com/CountPrimes", "v1.0"] as const;

  override execute(context: TaskContext): void {
    const { below } = this.input;
    const segments = Array.from({ length: Math.ceil(below / SEGMENT) }, (_, index) => {
      const from = index * SEGMENT;
      return new CountSegment({ from, to: Math.min(from + SEGMENT, below) });
    });
    context.progress("segments").add(segments.length);
    context.submitSubtask(new AddUp(), { dependsOn: context.submitSubtasks(segments, { maxRetries: 3 }) });
  }
}

/** Counts the primes from one number to before another. */
export class CountSegment extends Task<{ from: number; to: number }> {
  static readonly identifier = ["example.com/CountSegment", "v1.0"] as const;

  override async execute(context: TaskContext): Promise<void> {
    const { from, to } = this.input;
    await context.jobCache.group("segments").setJson(`${from}`, countPrimes(from, to));
    context.progress("segments").done(1);
  }
}

/** Puts the number of primes into the job cache, as `primes`. */
export class AddUp extends Task {
  static readonly identifier = ["example.com/AddUp", "v1.0"] as const;

  override async execute({ jobCache, logger }: TaskContext): Promise<void> {
    const segments = jobCache.group("segments");
    const counts = await Array.fromAsync(segments.keys(), (key) => segments.getJson(key));
    const primes = counts.reduce<number>((sum, count) => sum + Number(count), 0);
    await jobCache.setJson("primes", primes);
    logger.info("counted", { primes });
  }
}

/** Everything that this runner can execute. */
export const primeTasks = [CountPrimes, CountSegment, AddUp] as const;

/** Strikes out the multiples of every number that may divide one of the segment, and counts what is left. */
function countPrimes(from: number, to: number): number {
  const isStruck = new Uint8Array(Math.max(0, to - from));
  for (let factor = 2; factor * factor < to; factor++) {
    const first = Math.max(factor, Math.ceil(from / factor)) * factor;
    for (let multiple = first; multiple < to; multiple += factor) isStruck[multiple - from] = 1;
  }
  return isStruck.reduce((count, struck, index) => count + Number(struck === 0 && from + index >= 2), 0);
}
