import { describe, expect, it } from "vitest";
import { decodePage, encodePageToken } from "./paging.ts";
import { decodeResumeToken, encodeResumeToken } from "./resume-token.ts";

describe("pages", () => {
  it("have 100 items unless told otherwise, and at most 1,000", () => {
    expect(decodePage("jobs", { pageSize: 0, pageToken: "" })).toEqual({
      ok: true,
      value: { limit: 100, after: null },
    });
    expect(decodePage("jobs", { pageSize: 1_000, pageToken: "" })).toMatchObject({ ok: true, value: { limit: 1_000 } });
    expect(decodePage("jobs", { pageSize: 1_001, pageToken: "" })).toEqual({
      ok: false,
      rejection: { reason: "INVALID_ARGUMENT", message: "page_size is 1001; the most is 1000" },
    });
  });

  it("go on from a token of the same list", () => {
    const pageToken = encodePageToken("tasks", "wherever:it/was ✓");
    expect(decodePage("tasks", { pageSize: 7, pageToken })).toEqual({
      ok: true,
      value: { limit: 7, after: "wherever:it/was ✓" },
    });
    expect(encodePageToken("tasks", null)).toBe("");
  });

  it.each(["garbage", "%%%", encodePageToken("jobs", "1"), `${encodePageToken("tasks", "12345")}!`])(
    "refuse the token %s",
    (pageToken) => {
      expect(decodePage("tasks", { pageSize: 0, pageToken })).toMatchObject({
        ok: false,
        rejection: { reason: "INVALID_ARGUMENT", message: "page_token is not a token of this list" },
      });
    },
  );
});

describe("resume tokens", () => {
  it("come back as they were", () => {
    const position = "wherever:it/was ✓";
    expect(decodeResumeToken("J1", encodeResumeToken("J1", position))).toEqual({ ok: true, value: position });
    expect(decodeResumeToken("J1", "")).toEqual({ ok: true, value: null });
  });

  it.each(["garbage", "!", encodeResumeToken("J2", "1")])("refuse %s", (token) => {
    expect(decodeResumeToken("J1", token)).toMatchObject({ ok: false, rejection: { reason: "INVALID_ARGUMENT" } });
  });
});
