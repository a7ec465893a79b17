import { expect, it } from "vitest";
import { API_KEY, startNewsApi } from "./news-api.ts";

const headers = { "x-api-key": API_KEY };

it("gives articles page by page, and how many there are", async () => {
  await using api = await startNewsApi();
  const response = await fetch(`${api.url}/v2/everything?page=3&pageSize=4`, { headers });
  const body = (await response.json()) as { status: string; totalResults: number; articles: { title: string }[] };
  expect(body).toMatchObject({ status: "ok", totalResults: 9 });
  expect(body.articles.map(({ title }) => title)).toEqual(["Bread that forgives a late baker"]);
});

it.each([
  ["another path", "/v2/nothing", headers, 404, "notFound"],
  ["no key", "/v2/everything", {}, 401, "apiKeyInvalid"],
  ["page 0", "/v2/everything?page=0", headers, 400, "parameterInvalid"],
  ["a page that is too large", "/v2/everything?pageSize=5", headers, 400, "parameterInvalid"],
])("refuses %s", async (_what, path, sent, status, code) => {
  await using api = await startNewsApi();
  const response = await fetch(api.url + path, { headers: sent });
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ status: "error", code });
});
