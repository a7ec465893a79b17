import { describe, expect, it } from "vitest";
import { CHUNK_BYTES, ChunkBuffer } from "./chunk-buffer.ts";

describe("ChunkBuffer", () => {
  it.each([
    ["nothing", []],
    ["one exact chunk", [CHUNK_BYTES]],
    ["tiny pieces", Array.from({ length: 9_000 }, () => 77)],
    ["a huge piece", [3 * CHUNK_BYTES + 5]],
    ["a mixture", [10, CHUNK_BYTES, CHUNK_BYTES - 10, 1, 2 * CHUNK_BYTES]],
  ])("cuts %s into full chunks and a rest", (_name, sizes) => {
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const source = Buffer.alloc(total);
    for (let index = 0; index < total; index++) source[index] = index % 251;

    const buffer = new ChunkBuffer();
    const chunks: Uint8Array[] = [];
    let offset = 0;
    for (const size of sizes) {
      chunks.push(...buffer.add(source.subarray(offset, offset + size)));
      offset += size;
    }
    const rest = buffer.rest();

    expect(chunks.every((chunk) => chunk.length === CHUNK_BYTES)).toBe(true);
    expect(rest.length).toBe(total % CHUNK_BYTES);
    expect(Buffer.concat([...chunks, rest]).equals(source)).toBe(true);
    expect(buffer.rest().length).toBe(0);
  });
});
