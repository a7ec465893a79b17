import { NonRetryableError, Task, type TaskContext } from "taskgrove";

/** Where the news come from. */
export type NewsInput = { apiUrl: string; apiKey: string };

/** An article, as far as this example reads it. */
export type Article = Readonly<{ title: string; author: string | null; source: string }>;

/** Fetches the news, then prints headlines and counts authors, both at the same time. */
export class News extends Task<NewsInput> {
  override execute(context: TaskContext): void {
    const fetched = context.submitSubtask(new FetchNews(this.input), { maxRetries: 2 });
    context.submitSubtask(new PrintHeadlines(), { dependsOn: fetched });
    context.submitSubtask(new CountAuthors(), { dependsOn: fetched });
  }
}

/** Fetches all pages of articles and puts them into the job cache. */
export class FetchNews extends Task<NewsInput> {
  static readonly pageSize = 4;

  override async execute(context: TaskContext): Promise<void> {
    const articles: Article[] = [];
    const pages = context.progress("pages");
    for (let page = 1, pageCount = 1; page <= pageCount; page++) {
      const { total, articles: found } = await fetchPage(this.input, page, context.signal);
      if (page === 1) {
        pageCount = Math.ceil(total / FetchNews.pageSize);
        pages.add(pageCount);
      }
      articles.push(...found);
      pages.done(1);
    }
    await context.jobCache.setJson("articles", articles);
  }
}

/** Prints the headlines into the job cache, newest first as the API gives them. */
export class PrintHeadlines extends Task {
  override async execute(context: TaskContext): Promise<void> {
    const articles = await loadArticles(context);
    const lines = articles.map(({ title, source }) => `${title} (${source})`);
    await context.jobCache.set("output/headlines", lines.join("\n"));
  }
}

/** Counts how many articles each author wrote; most first, then by name. */
export class CountAuthors extends Task {
  override async execute(context: TaskContext): Promise<void> {
    const articles = await loadArticles(context);
    const byAuthor = Map.groupBy(articles, ({ author }) => author ?? "(no author)");
    const lines = [...byAuthor]
      .map(([author, written]) => ({ author, count: written.length }))
      .sort((a, b) => b.count - a.count || a.author.localeCompare(b.author, "en"))
      .map(({ author, count }) => `${count} ${author}`);
    await context.jobCache.set("output/authors", lines.join("\n"));
  }
}

/** Everything that a runner of this example can execute. */
export const newsTasks = [News, FetchNews, PrintHeadlines, CountAuthors] as const;

async function fetchPage({ apiUrl, apiKey }: NewsInput, page: number, signal: AbortSignal) {
  const url = `${apiUrl}/v2/everything?page=${page}&pageSize=${FetchNews.pageSize}`;
  const response = await fetch(url, { headers: { "x-api-key": apiKey }, signal });
  const body = fieldsOf(await response.json());
  if (response.status >= 400 && response.status < 500) throw new NonRetryableError(`${body.code}: ${body.message}`);
  if (body.status !== "ok" || !Array.isArray(body.articles)) throw new Error(`${url}: ${response.status}`);
  return { total: Number(body.totalResults), articles: body.articles.map(parseArticle) };
}

function parseArticle(value: unknown): Article {
  const { title, author, source } = fieldsOf(value);
  return {
    title: String(title),
    author: typeof author === "string" ? author : null,
    source: String(fieldsOf(source).name),
  };
}

function fieldsOf(value: unknown): Partial<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

async function loadArticles(context: TaskContext): Promise<Article[]> {
  return (await context.jobCache.getJson("articles")) as Article[];
}
