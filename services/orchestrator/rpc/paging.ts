import { accept, type Result, reject } from "../domain/rejection.ts";
import type { PageRequest } from "../store/store.ts";

const DEFAULT_PAGE_SIZE = 100;
export const MAX_PAGE_SIZE = 1_000;

const TOKEN_VERSION = "1";

/** What a page token belongs to: a token of one list is refused by another. */
export type PagedList = "jobs" | "tasks" | "runners" | "clusters" | "values";

/** Checks a page size and token of a request. */
export function decodePage(
  list: PagedList,
  request: { readonly pageSize: number; readonly pageToken: string },
): Result<PageRequest> {
  if (request.pageSize > MAX_PAGE_SIZE) {
    return reject("INVALID_ARGUMENT", `page_size is ${request.pageSize}; the most is ${MAX_PAGE_SIZE}`);
  }
  const limit = request.pageSize === 0 ? DEFAULT_PAGE_SIZE : request.pageSize;
  if (request.pageToken === "") return accept({ limit, after: null });
  const after = decodeToken(list, request.pageToken);
  if (after === null) return reject("INVALID_ARGUMENT", "page_token is not a token of this list");
  return accept({ limit, after });
}

/** The token for the page behind `next`; empty when there is none. */
export function encodePageToken(list: PagedList, next: string | null): string {
  return next === null ? "" : Buffer.from(`${TOKEN_VERSION}:${list}:${next}`).toString("base64url");
}

function decodeToken(list: PagedList, token: string): string | null {
  const text = Buffer.from(token, "base64url").toString();
  const prefix = `${TOKEN_VERSION}:${list}:`;
  // Decoding skips what is not base64url, so a damaged token is one that does not encode to itself.
  if (!text.startsWith(prefix) || Buffer.from(text).toString("base64url") !== token) return null;
  return text.slice(prefix.length);
}
