import { readFile } from "node:fs/promises";
import type { TaskContext } from "taskgrove";
import { startTestServer } from "taskgrove/testing";
import { describe, expect, it } from "vitest";
import { formatTree, runJob } from "../shared/run-job.ts";
import { API_KEY, startNewsApi } from "./news-api.ts";
import { runNews } from "./run-news.ts";
import { CountAuthors, FetchNews, News, newsTasks, PrintHeadlines } from "./tasks.ts";

describe("the news example", () => {
  it("puts out what is expected", async () => {
    await using api = await startNewsApi();
    await using orchestrator = await startTestServer();
    const { job, output } = await runNews(orchestrator.address, { apiUrl: api.url, apiKey: API_KEY });
    expect(job.state).toBe("COMPLETED");
    expect(output).toBe(await readFile(new URL("expected-output.txt", import.meta.url), "utf8"));
    expect(job.progress).toEqual([{ label: "pages", total: 3, done: 3 }]);
  });

  it("runs headlines and authors at the same time, after the fetch", async () => {
    const events: string[] = [];
    const bothStarted = Promise.withResolvers<void>();
    // Each waits until the other has started too: were they run one after the other, neither would end.
    const arrive = (who: string) => {
      events.push(who);
      if (events.includes("headlines") && events.includes("authors")) bothStarted.resolve();
      return bothStarted.promise;
    };
    class WatchedFetch extends FetchNews {
      static readonly identifier = ["FetchNews", "v0.0"] as const;
      override async execute(context: TaskContext): Promise<void> {
        await super.execute(context);
        events.push("fetched");
      }
    }
    class WatchedHeadlines extends PrintHeadlines {
      static readonly identifier = ["PrintHeadlines", "v0.0"] as const;
      override async execute(context: TaskContext): Promise<void> {
        await arrive("headlines");
        await super.execute(context);
      }
    }
    class WatchedAuthors extends CountAuthors {
      static readonly identifier = ["CountAuthors", "v0.0"] as const;
      override async execute(context: TaskContext): Promise<void> {
        await arrive("authors");
        await super.execute(context);
      }
    }
    await using api = await startNewsApi();
    await using orchestrator = await startTestServer();
    const tasks = [News, WatchedFetch, WatchedHeadlines, WatchedAuthors];
    const { job } = await runNews(orchestrator.address, { apiUrl: api.url, apiKey: API_KEY }, tasks);
    expect(job.state).toBe("COMPLETED");
    expect(events[0]).toBe("fetched");
    expect(events.slice(1).sort()).toEqual(["authors", "headlines"]);
  });

  it("fails at once when the API refuses the key, and starts nothing that depends on the fetch", async () => {
    await using api = await startNewsApi();
    await using orchestrator = await startTestServer();
    const tree = await runJob({
      address: orchestrator.address,
      name: "news with a wrong key",
      root: new News({ apiUrl: api.url, apiKey: "wrong" }),
      runner: { tasks: newsTasks, concurrency: 2 },
    });
    expect(tree.job.state).toBe("FAILED");
    expect(tree.job.error?.message).toContain("apiKeyInvalid");
    expect(formatTree(tree).split("\n").slice(1)).toEqual([
      "  FetchNews FAILED",
      "  PrintHeadlines QUEUED",
      "  CountAuthors QUEUED",
    ]);
  });
});
