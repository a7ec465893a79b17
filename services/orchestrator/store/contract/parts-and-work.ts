import { expect, test } from "vitest";
import type { WorkItem } from "../../domain/records.ts";
import { bytes, describeContract, idsOf, present, type StoreContract, times } from "./contract.ts";

/** Staged parts, and background work. */
export function contractPartsAndWork(contract: StoreContract): void {
  describeContract(contract, "parts", ({ write, inside }) => {
    const part = (number: number, leaseToken = "token", taskId = "task") => ({
      taskId,
      leaseToken,
      number,
      summary: `summary of ${number}`,
      payload: bytes(10, number),
    });
    const staged = async (leaseToken = "token", taskId = "task") =>
      (await inside((tx) => tx.stagedParts(taskId, leaseToken))).map((header) => header.number);

    test("come in order of their numbers, without payload; the payload comes alone", async () => {
      await write({ putParts: [part(10), part(2), part(0), part(1, "other token"), part(1, "token", "other task")] });
      const headers = await inside((tx) => tx.stagedParts("task", "token"));
      expect(headers).toEqual(
        [0, 2, 10].map((number) => ({ taskId: "task", leaseToken: "token", number, summary: `summary of ${number}` })),
      );
      const payload = await inside((tx) => tx.loadPart("task", "token", 2));
      expect(new Uint8Array(present(payload))).toEqual(bytes(10, 2));
      expect(await inside((tx) => tx.loadPart("task", "token", 3))).toBeNull();
      expect(await staged("unknown")).toEqual([]);
    });

    test("one that is sent again stays as it was", async () => {
      await write({ putParts: [part(1)] });
      await write({ putParts: [{ ...part(1), summary: "other", payload: bytes(1) }, part(2)] });
      const [first] = await inside((tx) => tx.stagedParts("task", "token"));
      expect(present(first).summary).toBe("summary of 1");
      const payload = await inside((tx) => tx.loadPart("task", "token", 1));
      expect(new Uint8Array(present(payload))).toEqual(bytes(10, 1));
      expect(await staged()).toEqual([1, 2]);
    });

    test("are deleted one by one, by attempt, or all of a task", async () => {
      const others = [part(1, "token 2"), part(1, "token 3"), part(1, "token", "other task")];
      await write({ putParts: [part(1), part(2), part(3), ...others] });
      await write({ deleteParts: [{ taskId: "task", leaseToken: "token", number: 2 }] });
      expect(await staged()).toEqual([1, 3]);
      await write({ deleteParts: [{ taskId: "task", leaseToken: "token" }] });
      expect(await staged()).toEqual([]);
      expect(await staged("token 2")).toEqual([1]);
      await write({ deleteParts: [{ taskId: "task" }, { taskId: "unknown" }] });
      expect(await staged("token 2")).toEqual([]);
      expect(await staged("token 3")).toEqual([]);
      expect(await staged("token", "other task")).toEqual([1]);
    });

    test("may be large", async () => {
      const payload = bytes(3 * 1024 * 1024);
      await write({ putParts: [{ ...part(1), payload }] });
      const loaded = present(await inside((tx) => tx.loadPart("task", "token", 1)));
      expect(Buffer.compare(loaded, payload)).toBe(0);
    });
  });

  describeContract(contract, "work items", ({ write, inside }) => {
    const item = (targetId: string, cursor: string | null = null): WorkItem => ({
      id: `release:${targetId}`,
      kind: "release",
      jobId: "job",
      targetId,
      cursor,
    });
    const items = (limit = 100) => inside((tx) => tx.workItems(limit));

    test("those untouched for longest come first", async () => {
      await write({ putWork: [item("a"), item("b")] });
      await write({ putWork: [item("c", "cursor")] });
      expect(await items()).toEqual([item("a"), item("b"), item("c", "cursor")]);
      expect(await items(2)).toEqual([item("a"), item("b")]);
      await write({ putWork: [item("a", "further")] });
      expect(await items()).toEqual([item("b"), item("c", "cursor"), item("a", "further")]);
    });

    test("asking again starts over", async () => {
      await write({ putWork: [item("a", "far")] });
      await write({ putWork: [item("a")] });
      expect(await items()).toEqual([item("a")]);
    });

    test("what is done is deleted, and order goes on", async () => {
      await write({ putWork: times(3, (index) => item(String(index))) });
      await write({ deleteWork: ["release:2", "unknown"] });
      await write({ putWork: [item("0")] });
      expect(idsOf(await items())).toEqual(["release:1", "release:0"]);
    });

    test("every kind comes back", async () => {
      const kinds = ["align", "release", "skip", "unpack", "prune"] as const;
      const all = kinds.map((kind): WorkItem => ({ ...item("a"), kind, id: `${kind}:a` }));
      await write({ putWork: all });
      expect(await items()).toEqual(all);
    });
  });
}
