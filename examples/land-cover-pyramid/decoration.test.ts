import { describe, expect, it } from "vitest";
import { graticulePixels, parsePlaces, pixelAt } from "./decoration.ts";

describe("pixelAt", () => {
  it("puts the equator and Greenwich in the middle", () => {
    expect(pixelAt(16, [0, -0.001])).toBe(8 * 16 + 8);
  });
});

describe("graticulePixels", () => {
  it("holds twelve meridians and five parallels, each pixel once", () => {
    const pixels = graticulePixels(64);
    expect(new Set(pixels).size).toBe(pixels.length);
    expect(pixels.length).toBe(12 * 64 + 5 * 64 - 12 * 5);
    expect(pixels).toContain(pixelAt(64, [30, 77]));
    expect(pixels).not.toContain(pixelAt(64, [45, 45]));
  });
});

describe("parsePlaces", () => {
  it("reads a list of places", () => {
    expect(parsePlaces("[[13.4, 52.5], [-0.1, 51.5]]")).toEqual([
      [13.4, 52.5],
      [-0.1, 51.5],
    ]);
  });

  it.each(["{}", "[[1]]", "[[1, 2, 3]]", '[["1", 2]]', "nothing"])("refuses %s", (text) => {
    expect(() => parsePlaces(text)).toThrow();
  });
});
