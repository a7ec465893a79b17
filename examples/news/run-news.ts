import { Client, type Job, type TaskClass } from "taskgrove";
import { runJob } from "../shared/run-job.ts";
import { News, type NewsInput, newsTasks } from "./tasks.ts";

/**
 * Runs the job on two lanes, so that headlines and authors can be worked on at the same time.
 *
 * @returns the job as it ended, and what its tasks put out.
 */
export async function runNews(
  address: string,
  input: NewsInput,
  tasks: readonly TaskClass[] = newsTasks,
): Promise<{ job: Job; output: string }> {
  const { job } = await runJob({ address, name: "news", root: new News(input), runner: { tasks, concurrency: 2 } });
  using client = new Client({ address });
  const output = client.cache(job.id).group("output");
  const [headlines, authors] = await Promise.all([output.getText("headlines"), output.getText("authors")]);
  return { job, output: `Headlines\n\n${headlines ?? "none"}\n\nArticles by author\n\n${authors ?? "none"}\n` };
}
