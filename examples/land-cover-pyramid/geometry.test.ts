import { describe, expect, it } from "vitest";
import { loadCoastline, quartersOf, tileArea, tileAt, tilePath, WORLD } from "./geometry.ts";
import { rasterise } from "./raster.ts";

const coastline = loadCoastline();

/** The land fraction of the tile of zoom `z` that holds a place. */
function landAround(z: number, longitude: number, latitude: number): number {
  return rasterise(coastline, tileAt(z, longitude, latitude), 32).landFraction;
}

describe("tiles", () => {
  it("finds the tile that holds a place", () => {
    expect(tileAt(0, 10, 50)).toEqual({ z: 0, x: 0, y: 0 });
    expect(tileAt(1, 0.1, -0.1)).toEqual({ z: 1, x: 1, y: 1 });
    expect(tileAt(1, -0.1, 0.1)).toEqual({ z: 1, x: 0, y: 0 });
    // Greenwich at zoom 10, as the usual tile servers number it.
    expect(tilePath(tileAt(10, 0.001, 51.478))).toBe("10/512/340");
  });

  it("covers a tile with its quarters: the areas on the sphere add up", () => {
    for (const tile of [WORLD, { z: 3, x: 5, y: 1 }, { z: 6, x: 0, y: 63 }]) {
      const sum = quartersOf(tile)
        .map(tileArea)
        .reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(tileArea(tile), 12);
    }
  });

  it("knows that tiles near the poles are small on the sphere", () => {
    expect(tileArea({ z: 3, x: 0, y: 3 })).toBeGreaterThan(20 * tileArea({ z: 3, x: 0, y: 0 }));
  });
});

describe("land", () => {
  it.each([
    ["the Sahara", 5, 10, 23],
    ["the Amazon", 6, -60, -5],
    ["Mongolia", 6, 100, 47],
    ["inner Antarctica, around the pole", 6, 20, -84],
    ["inner Australia", 6, 130, -25],
  ])("is all there is in %s", (_place, z, longitude, latitude) => {
    expect(landAround(z, longitude, latitude)).toBe(1);
  });

  it.each([
    ["the middle of the Pacific", 5, -140, 5],
    ["the South Atlantic", 5, -20, -45],
    ["the Caspian Sea, a hole in Asia", 8, 51, 41],
    ["the Arctic Ocean", 6, -150, 82],
    ["the sea at the antimeridian", 5, 179.9, 35],
  ])("is missing in %s", (_place, z, longitude, latitude) => {
    expect(landAround(z, longitude, latitude)).toBe(0);
  });

  it.each([
    ["east", 179.5],
    ["west", -179.5],
  ])("is found on both sides of the antimeridian: Chukotka to the %s", (_side, longitude) => {
    expect(landAround(8, longitude, 67.5)).toBe(1);
  });

  it("covers 29 percent of the world, weighted by area on the sphere", () => {
    expect(rasterise(coastline, WORLD, 512).landFraction).toBeCloseTo(0.287, 2);
  });
});
