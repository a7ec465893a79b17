import { geoContains } from "d3-geo";
import { describe, expect, it } from "vitest";
import { createCoastline, loadCoastline, loadLand, quartersOf, type Tile, WORLD } from "./geometry.ts";
import { ALL_LAND, decodeRaster, encodeRaster, joinQuarters, type Raster, rasterise } from "./raster.ts";

const coastline = loadCoastline();

/** The edges of a closed ring, in the order that `createCoastline` takes. */
function edgesOf(ring: readonly (readonly [x: number, y: number])[]): number[] {
  return ring.flatMap(([x, y], index) => {
    const [nextX, nextY] = ring[(index + 1) % ring.length] ?? [x, y];
    return y < nextY ? [x, y, nextX, nextY] : [nextX, nextY, x, y];
  });
}

/** Draws a tile by splitting it `levels` times and assembling the parts again. */
function drawInParts(tile: Tile, levels: number, side: number): Raster {
  if (levels === 0) return rasterise(coastline, tile, side);
  const quarters = quartersOf(tile);
  return joinQuarters(
    quarters,
    quarters.map((quarter) => drawInParts(quarter, levels - 1, side / 2)),
  );
}

describe("rasterise", () => {
  it("draws a square with a hole to the sample", () => {
    const square = edgesOf([
      [0.25, 0.25],
      [0.75, 0.25],
      [0.75, 0.75],
      [0.25, 0.75],
    ]);
    const hole = edgesOf([
      [0.375, 0.375],
      [0.5, 0.375],
      [0.5, 0.5],
      [0.375, 0.5],
    ]);
    const { pixels } = rasterise(createCoastline([...square, ...hole]), WORLD, 8);
    const expected = ["........", "........", "..####..", "..#.##..", "..####..", "..####..", "........", "........"];
    const drawn = expected.map((_, row) => {
      const counts = [...pixels.subarray(row * 8, (row + 1) * 8)];
      expect(counts.every((count) => count === 0 || count === ALL_LAND)).toBe(true);
      return counts.map((count) => (count === 0 ? "." : "#")).join("");
    });
    expect(drawn).toEqual(expected);
  });

  it("counts how much of a pixel is land", () => {
    const triangle = createCoastline(
      edgesOf([
        [0, 0],
        [1, 1],
        [0, 1],
      ]),
    );
    // 15 by 15 samples, of which those on the diagonal lie on the edge: they belong to what is east of it.
    expect([...rasterise(triangle, WORLD, 1).pixels]).toEqual([105]);
  });

  it("agrees with d3-geo's own test of a point in a spherical polygon", () => {
    const land = loadLand();
    // At zoom 9 a pixel of an 8-pixel tile is about 5 km wide; all samples of a pixel that is wholly land or sea agree with its middle.
    let [checked, side] = [0, 8];
    for (const tile of [
      { z: 9, x: 255, y: 170 },
      { z: 9, x: 450, y: 200 },
      { z: 9, x: 511, y: 120 },
      { z: 9, x: 0, y: 120 },
      { z: 9, x: 160, y: 500 },
    ]) {
      const { pixels } = rasterise(coastline, tile, side);
      for (const pixel of [0, 7, 27, 36, 56, 63]) {
        const count = pixels[pixel] ?? 0;
        if (count !== 0 && count !== ALL_LAND) continue;
        expect(geoContains(land, middleOf(tile, pixel, side)), `${JSON.stringify(tile)} pixel ${pixel}`).toBe(
          count > 0,
        );
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(15);
  });
});

describe("joinQuarters", () => {
  it("gives exactly what drawing at once gives", () => {
    const whole = rasterise(coastline, WORLD, 256);
    const joined = drawInParts(WORLD, 4, 256);
    expect(Buffer.compare(joined.pixels, whole.pixels)).toBe(0);
    expect(joined.landFraction).toBeCloseTo(whole.landFraction, 12);
  });

  it("refuses rasters of different sizes", () => {
    const quarters = quartersOf(WORLD);
    const rasters = quarters.map((tile, index) => rasterise(coastline, tile, index === 3 ? 8 : 4));
    expect(() => joinQuarters(quarters, rasters)).toThrow("one size");
  });
});

describe("the packed form", () => {
  it("comes back as it was", () => {
    const raster = rasterise(coastline, { z: 3, x: 4, y: 2 }, 16);
    expect(raster.landFraction).toBeGreaterThan(0);
    expect(decodeRaster(encodeRaster(raster))).toEqual(raster);
  });

  it("is refused when it has the wrong size", () => {
    expect(() => decodeRaster(new Uint8Array(13))).toThrow("13 bytes");
  });
});

function middleOf(tile: Tile, pixel: number, side: number): [longitude: number, latitude: number] {
  const grid = side * 2 ** tile.z;
  const x = (tile.x * side + (pixel % side) + 0.5) / grid;
  const y = (tile.y * side + Math.floor(pixel / side) + 0.5) / grid;
  return [x * 360 - 180, (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI];
}
