import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { type LocalServer, startLocalServer } from "../shared/file-server.ts";

/** What the server expects in the header `x-api-key`. Not a secret: the server runs on this machine only. */
export const API_KEY = "example";

/** The most articles that one page holds. */
const LARGEST_PAGE = 4;

/**
 * Starts a server on this machine that answers like a news API: `GET /v2/everything?page=1&pageSize=4` gives a page of articles and how many
 * there are in total; what is wrong with a request comes back as a status, a code and a message.
 *
 * The articles in articles.json, their authors and their papers were invented for this example.
 */
export async function startNewsApi(): Promise<LocalServer> {
  const articles: unknown[] = JSON.parse(await readFile(new URL("articles.json", import.meta.url), "utf8"));
  return startLocalServer((request, response) => {
    const { status, body } = answer(request, articles);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
}

type Answer = { status: number; body: Record<string, unknown> };

function answer(request: IncomingMessage, articles: readonly unknown[]): Answer {
  const url = new URL(request.url ?? "/", "http://localhost");
  if (url.pathname !== "/v2/everything") return refuse(404, "notFound", `there is nothing at ${url.pathname}`);
  if (request.headers["x-api-key"] !== API_KEY)
    return refuse(401, "apiKeyInvalid", "the header x-api-key is missing or wrong");
  const page = Number(url.searchParams.get("page") ?? 1);
  const pageSize = Number(url.searchParams.get("pageSize") ?? LARGEST_PAGE);
  if (!isBetween(page, 1, Number.MAX_SAFE_INTEGER)) return refuse(400, "parameterInvalid", "page must be 1 or more");
  if (!isBetween(pageSize, 1, LARGEST_PAGE))
    return refuse(400, "parameterInvalid", `pageSize must be 1 to ${LARGEST_PAGE}`);
  const first = (page - 1) * pageSize;
  const body = { status: "ok", totalResults: articles.length, articles: articles.slice(first, first + pageSize) };
  return { status: 200, body };
}

function refuse(status: number, code: string, message: string): Answer {
  return { status, body: { status: "error", code, message } };
}

function isBetween(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
