import { expect, test } from "vitest";
import type { CacheListing } from "../store.ts";
import { allPages, bytes, describeContract, present, type StoreContract, times } from "./contract.ts";

/** The job caches. */
export function contractCacheValues(contract: StoreContract): void {
  describeContract(contract, "cache values", ({ store, write, inside }) => {
    let values = 0;

    /** Uploads a value of these chunks and returns its record. */
    async function put(jobId: string, key: string, chunks: readonly Uint8Array[] = [bytes(4)]) {
      const valueId = `value-${values++}`;
      const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      const record = { valueId, jobId, key, size, writtenAt: 1_000 + values };
      await write({ beginUploads: [{ valueId, jobId, startedAt: 1 }] });
      for (const [index, data] of chunks.entries()) await write({ putChunks: [{ valueId, index, data }] });
      await write({ finishUploads: [record] });
      return record;
    }

    async function contentOf(valueId: string): Promise<Uint8Array> {
      const chunks: Uint8Array[] = [];
      for (let index = 0; ; index++) {
        const chunk = await store().cacheChunk(valueId, index);
        if (chunk === null) return new Uint8Array(Buffer.concat(chunks));
        chunks.push(chunk);
      }
    }

    test("come back chunk by chunk", async () => {
      const chunks = [bytes(100_000, 1), bytes(5, 2), bytes(0)];
      const value = await put("job", "a/b", chunks);
      expect(await store().cacheValue("job", "a/b")).toEqual(value);
      expect(await inside((tx) => tx.loadCacheValue("job", "a/b"))).toEqual(value);
      expect(Buffer.compare(await contentOf(value.valueId), Buffer.concat(chunks))).toBe(0);
      expect(await store().cacheValue("job", "a")).toBeNull();
      expect(await store().cacheValue("other", "a/b")).toBeNull();
      expect(await inside((tx) => tx.loadCacheValue("other", "a/b"))).toBeNull();
      expect(await store().cacheChunk("unknown", 0)).toBeNull();
    });

    test("an empty value is a value", async () => {
      const value = await put("job", "empty", []);
      expect(await store().cacheValue("job", "empty")).toEqual(value);
      expect(await contentOf(value.valueId)).toEqual(new Uint8Array());
    });

    test("nothing is visible before the upload is finished", async () => {
      await write({ beginUploads: [{ valueId: "v", jobId: "job", startedAt: 1 }] });
      await write({ putChunks: [{ valueId: "v", index: 0, data: bytes(1) }] });
      const listing = await store().listCacheValues(
        { jobId: "job", prefix: "", directOnly: false },
        { limit: 9, after: null },
      );
      expect(listing).toEqual({ values: [], groups: [], next: null });
    });

    test("a new value takes the place of the old one, whose chunks go", async () => {
      const old = await put("job", "key", [bytes(3, 1)]);
      const fresh = await put("job", "key", [bytes(3, 2)]);
      expect(await store().cacheValue("job", "key")).toEqual(fresh);
      expect(await contentOf(fresh.valueId)).toEqual(bytes(3, 2));
      expect(await store().cacheChunk(old.valueId, 0)).toBeNull();
    });

    test("deleting takes the value that was meant, and only that", async () => {
      const [one, two] = [await put("job", "1"), await put("job", "2")];
      const replaced = await put("job", "2");
      await write({ deleteCacheValues: [one, two] });
      expect(await store().cacheValue("job", "1")).toBeNull();
      expect(await store().cacheChunk(one.valueId, 0)).toBeNull();
      expect(await store().cacheValue("job", "2")).toEqual(replaced);
      expect(await contentOf(replaced.valueId)).toEqual(bytes(4));
    });

    test("uploads that were begun long ago and never finished are found and aborted", async () => {
      const begin = (valueId: string, startedAt: number) => ({ valueId, jobId: "job", startedAt });
      await write({ beginUploads: [begin("old", 10), begin("young", 20), begin("oldest", 5)] });
      await write({ putChunks: [{ valueId: "old", index: 0, data: bytes(1) }] });
      const abandoned = (before: number, limit = 10) => inside((tx) => tx.abandonedUploads(before, limit));
      expect((await abandoned(20)).toSorted()).toEqual(["old", "oldest"]);
      expect((await abandoned(20, 1)).length).toBe(1);
      const finished = { valueId: "oldest", jobId: "job", key: "k", size: 0, writtenAt: 1 };
      await write({ finishUploads: [finished] });
      expect(await abandoned(20)).toEqual(["old"]);
      await write({ abortUploads: ["old", "unknown"] });
      expect(await abandoned(20)).toEqual([]);
      expect(await store().cacheChunk("old", 0)).toBeNull();
    });

    test("an upload that goes on is not abandoned", async () => {
      const upload = { valueId: "v", jobId: "job" };
      await write({ beginUploads: [{ ...upload, startedAt: 10 }] });
      await write({ beginUploads: [{ ...upload, startedAt: 30 }] });
      expect(await inside((tx) => tx.abandonedUploads(20, 10))).toEqual([]);
      expect(await inside((tx) => tx.loadUploads(["other", "v"]))).toEqual(["v"]);
      await write({ abortUploads: ["v"] });
      expect(await inside((tx) => tx.loadUploads(["v"]))).toEqual([]);
    });

    test("an abort that comes after the finish leaves the value", async () => {
      const value = await put("job", "key");
      await write({ abortUploads: [value.valueId] });
      expect(await store().cacheValue("job", "key")).toEqual(value);
      expect(await contentOf(value.valueId)).toEqual(bytes(4));
    });

    const KEYS = ["a", "a/", "a/b", "a/b/c", "a/b/d", "a0", "ab", "b/x/y/z", "é", "\u{ffff}", "\u{1f600}"];

    test("values below a prefix", async () => {
      for (const key of KEYS) await put("job", key);
      await put("other", "a/b/other");
      const below = async (prefix: string, limit = 100) =>
        (await inside((tx) => tx.cacheValuesBelow("job", prefix, limit))).map((value) => value.key).toSorted();
      expect(await below("a/")).toEqual(["a/", "a/b", "a/b/c", "a/b/d"]);
      expect(await below("a/b/")).toEqual(["a/b/c", "a/b/d"]);
      expect((await below("")).length).toBe(KEYS.length);
      expect((await below("", 4)).length).toBe(4);
      expect(await below("unknown")).toEqual([]);
    });

    const listAll = async (filter: { prefix: string; directOnly: boolean }, limit: number) => {
      const pages = await allPages(
        (after) => store().listCacheValues({ jobId: "job", ...filter }, { limit, after }),
        (page: CacheListing) => [page],
      );
      for (const page of pages) expect(page.values.length + page.groups.length).toBeLessThanOrEqual(limit);
      return {
        values: pages.flatMap((page) => page.values.map((value) => value.key)),
        groups: pages.flatMap((page) => page.groups),
      };
    };

    test.each([1, 2, 3, 100])("are listed in order of the key by code point, %i a page", async (limit) => {
      for (const key of KEYS.toReversed()) await put("job", key);
      await put("other", "a");
      expect(await listAll({ prefix: "", directOnly: false }, limit)).toEqual({ values: KEYS, groups: [] });
      const below = ["a/", "a/b", "a/b/c", "a/b/d"];
      expect(await listAll({ prefix: "a/", directOnly: false }, limit)).toEqual({ values: below, groups: [] });
      expect(await listAll({ prefix: "x", directOnly: false }, limit)).toEqual({ values: [], groups: [] });
    });

    test.each([1, 2, 3, 100])("are listed level by level, %i a page", async (limit) => {
      for (const key of KEYS.toReversed()) await put("job", key);
      const direct = (prefix: string) => listAll({ prefix, directOnly: true }, limit);
      const top = ["a", "a0", "ab", "é", "\u{ffff}", "\u{1f600}"];
      expect(await direct("")).toEqual({ values: top, groups: ["a/", "b/"] });
      expect(await direct("a/")).toEqual({ values: ["a/", "a/b"], groups: ["a/b/"] });
      expect(await direct("b/x/")).toEqual({ values: [], groups: ["b/x/y/"] });
    });

    test("a large group is listed once", async () => {
      const many = times(300, (index) => ({ valueId: `many-${index}`, jobId: "job", size: 0, writtenAt: 1 }));
      await write({ finishUploads: many.map((value, index) => ({ ...value, key: `group/${index}` })) });
      await put("job", "z");
      expect(await listAll({ prefix: "", directOnly: true }, 2)).toEqual({ values: ["z"], groups: ["group/"] });
    });

    test("a list behind a cursor of somebody else's is empty", async () => {
      await put("job", "z");
      const filter = { jobId: "job", prefix: "", directOnly: false };
      const nothing = { values: [], groups: [], next: null };
      expect(await store().listCacheValues(filter, { limit: 5, after: "?" })).toEqual(nothing);
    });

    test("a value of many chunks", async () => {
      const value = await put(
        "job",
        "big",
        times(16, (index) => bytes(256 * 1024, index)),
      );
      expect((await contentOf(value.valueId)).length).toBe(value.size);
      expect(present(await store().cacheChunk(value.valueId, 15)).length).toBe(256 * 1024);
    });
  });
}
