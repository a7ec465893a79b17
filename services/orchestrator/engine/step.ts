import type { BatchContext } from "./batch-context.ts";
import { type CommandOf, deferred } from "./commands.ts";

/** Runs a small step in the next batch. */
export type RunStep = (command: CommandOf<"step">) => void;

/** Runs `body` as part of the next batch; resolves once it is committed. */
export function inBatch<T>(run: RunStep, body: (context: BatchContext) => Promise<T>): Promise<T> {
  const { promise, reply } = deferred<T>();
  run({
    kind: "step",
    reply,
    run: async (context) => {
      const value = await body(context);
      return () => reply.resolve(value);
    },
  });
  return promise;
}
