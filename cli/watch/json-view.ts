import type { JobUpdate } from "taskgrove";
import type { Output, WatchView } from "./views.ts";

/** Writes every update as one line of JSON. */
export function createJsonView(out: Output): WatchView {
  return {
    update: (update: JobUpdate) => void out.write(`${JSON.stringify(update)}\n`),
    tick: () => {},
    end: () => {},
    stop: () => {},
  };
}
