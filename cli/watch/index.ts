/** Drawing a job while it runs, for programs that submit jobs themselves. */
export type { Clock, Output } from "./views.ts";
export { type WatchJobOptions, watchJob } from "./watch-job.ts";
