import type { Job, JobUpdate } from "taskgrove";
import type { Style } from "../format/style.ts";
import { taskTitle } from "./describe.ts";
import { renderFrame } from "./frame.ts";
import type { JobModel } from "./model.ts";
import { outcomeLines } from "./outcome.ts";
import { Painter } from "./painter.ts";
import type { Clock, Output, WatchView } from "./views.ts";

/** When a terminal does not say how large it is. */
const fallbackColumns = 80;
const fallbackRows = 24;

/** Draws the job in place. What happened between two ticks is drawn once. */
export function createTerminalView(model: JobModel, out: Output, style: Style, clock: Clock): WatchView {
  const painter = new Painter(out);
  const draw = (spareRows = 0, withoutSummary = false) =>
    renderFrame(model, {
      columns: Math.max(20, (out.columns ?? fallbackColumns) - 1),
      rows: Math.max(1, (out.rows ?? fallbackRows) - 1 - spareRows),
      now: clock(),
      style,
      withoutSummary,
    });
  return {
    update: (update: JobUpdate) => model.apply(update),
    tick: () => painter.paint(draw()),
    end: (job: Job) => {
      const failedTask = job.failedTaskId === undefined ? undefined : model.task(job.failedTaskId);
      const details = { failedTask: failedTask && taskTitle(failedTask), retries: model.retries };
      const outcome = outcomeLines(job, clock(), style, details);
      painter.finish([...draw(outcome.length + 1, true), "", ...outcome]);
    },
    stop: () => {
      painter.paint(draw());
      painter.finish();
    },
  };
}
