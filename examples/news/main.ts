import { startTestServer } from "taskgrove/testing";
import { API_KEY, startNewsApi } from "./news-api.ts";
import { runNews } from "./run-news.ts";

console.error(
  "The articles, authors and papers were invented for this example; a server on this machine plays the news API.\n",
);
await using api = await startNewsApi();
await using orchestrator = await startTestServer();
const { job, output } = await runNews(orchestrator.address, { apiUrl: api.url, apiKey: API_KEY });
process.stdout.write(output);
if (job.state !== "COMPLETED") {
  console.error(`the job ended as ${job.state}: ${job.error?.message ?? ""}`);
  process.exitCode = 1;
}
