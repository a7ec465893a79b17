import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, it } from "vitest";
import { InvalidInputError } from "./errors.ts";
import { decodeInput, encodeInput, validateInput } from "./input.ts";

const json = { encoding: "json" } as const;

describe("JSON inputs", () => {
  it.each([
    [undefined],
    [null],
    [0],
    ["text with \u0000 and ü"],
    [[1, [2, []]]],
    [{ tiles: [{ z: 1, bounds: [0.5, -1] }], name: "x", none: null, yes: true }],
  ])("come back as they were: %j", (input) => {
    expect(decodeInput(json, encodeInput(json, input))).toEqual(input);
  });

  it("leave out members that are undefined, as JSON does", () => {
    expect(decodeInput(json, encodeInput(json, { a: 1, b: undefined }))).toEqual({ a: 1 });
  });

  const cyclic: { self?: unknown } = {};
  cyclic.self = { back: [cyclic] };

  it.each([
    ["a function", { f: () => 1 }, "input.f"],
    ["a bigint", { tiles: [0, 1, { n: 10n }] }, "input.tiles[2].n"],
    ["NaN", [1, Number.NaN], "input[1]"],
    ["infinity", { "a b": Number.POSITIVE_INFINITY }, 'input["a b"]'],
    ["undefined in an array", { tiles: [1, undefined] }, "input.tiles[1]"],
    ["a hole in an array", { holes: new Array(1) }, "input.holes[0]"],
    ["a symbol", Symbol("s"), "input"],
    ["a map", { tiles: { bounds: new Map() } }, "input.tiles.bounds"],
    ["a date", { at: new Date(0) }, "input.at"],
    ["bytes", { raw: new Uint8Array(2) }, "input.raw"],
    ["an object with toJSON", { odd: { toJSON: () => 1 } }, "input.odd"],
    ["a cycle", cyclic, "input.self.back[0]"],
  ])("refuse %s, naming its path", (_, input, path) => {
    const encode = () => encodeInput(json, input);
    expect(encode).toThrow(InvalidInputError);
    expect(encode).toThrow(expect.objectContaining({ path }));
  });

  it("refuse what is nested too deeply, without overflowing the stack", () => {
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level++) deep = [deep];
    expect(() => encodeInput(json, deep)).toThrow("nested deeper");
  });

  it("that are no JSON are refused at the runner", () => {
    expect(() => decodeInput(json, Buffer.from("{"))).toThrow(InvalidInputError);
    expect(() => decodeInput(json, Buffer.from([0xff]))).toThrow(InvalidInputError);
  });
});

describe("raw inputs", () => {
  const bytes = { encoding: "bytes" } as const;

  it("are carried as they are, also when they are a view of something larger", () => {
    const view = new Uint8Array([9, 1, 2, 9]).subarray(1, 3);
    expect([...encodeInput(bytes, view)]).toEqual([1, 2]);
    expect(decodeInput(bytes, view)).toBe(view);
  });

  it("must be bytes", () => {
    expect(() => encodeInput(bytes, "text")).toThrow("input must be a Uint8Array");
  });
});

describe("schemas", () => {
  const positive = (isAsync: boolean): StandardSchemaV1<number, { doubled: number }> => ({
    "~standard": {
      version: 1,
      vendor: "test",
      validate(value) {
        const result =
          typeof value === "number" && value > 0
            ? { value: { doubled: value * 2 } }
            : { issues: [{ message: "must be positive", path: ["tiles", { key: 3 }, "n"] }] };
        return isAsync ? Promise.resolve(result) : result;
      },
    },
  });

  it("give what they make of the input", async () => {
    expect(validateInput({ schema: positive(false) }, 2)).toEqual({ doubled: 4 });
    expect(await validateInput({ schema: positive(true) }, 2)).toEqual({ doubled: 4 });
  });

  it("refuse with the path of the first issue", async () => {
    const message = "input.tiles[3].n is refused by the schema: must be positive";
    expect(() => validateInput({ schema: positive(false) }, -1)).toThrow(message);
    await expect(validateInput({ schema: positive(true) }, -1)).rejects.toThrow(message);
  });
});
